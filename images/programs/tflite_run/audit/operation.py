"""The operation ``audit``: what is wrong inside a file."""

import json
from collections import Counter

from .. import parts
from . import structure

# In characters: of each text that is a file's, and of all findings as JSON.
_LONGEST_TEXT, _LONGEST_LIST = 200, 2**20


def audit(request):
    """Hold a .tflite file to the rules for its parts. Role in: model. Returns

    - ``counts``: how many findings there are of each kind that `finding.KINDS` has, {kind: number};
    - ``wrong``: how many of them make results wrong or the file unusable;
    - ``findings``: those that there is room for, what is wrong first, as `Finding` has them.
    """
    model = parts.read(request.inputs["model"])
    found = structure.findings(model)
    return {
        "counts": dict(Counter(each.kind for each in found)),
        "wrong": sum(each.wrong for each in found),
        "findings": list(listed(found)),
    }


def listed(rows):
    """Named tuples as JSON, as many as there is room for."""
    left = _LONGEST_LIST
    for row in rows:
        entry = {name: _short(value) if isinstance(value, str) else value for name, value in row._asdict().items()}
        left -= len(json.dumps(entry))
        if left < 0:
            return
        yield entry


def _short(text):
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
