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
    """A text of at most so many characters; one that is cut ends in dots."""
    return whole if len(whole) <= longest else whole[: longest - 3] + "..."
