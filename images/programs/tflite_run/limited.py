"""Answers of a limited size, whatever a file holds."""

import json


def rows(entries, most):
    """Those of the entries, dicts, that there is room for: ``most`` characters of all of them as JSON."""
    left = most
    for entry in entries:
        left -= len(json.dumps(entry))
        if left < 0:
            return
        yield entry


def text(whole, longest):
    """A text of at most so many characters; one that is cut has dots in the middle: a long name's end tells most."""
    left = (longest - 3) // 2
    return whole if len(whole) <= longest else whole[:left] + "..." + whole[len(whole) - (longest - 3 - left) :]
