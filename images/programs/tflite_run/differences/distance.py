"""How far two files are from each other: 0 for the same bytes, 1 for files that have nothing in common.

It is a sum of shares: of the operators that differ, of tensors, of the values of constants, of names, and of the kinds
of other differences. One operator that is another says more than many names.
"""

from . import weights
from .difference import OF_THE_REST

_OPERATORS, _TENSORS, _WEIGHTS, _NAMES, _REST = 0.5, 0.25, 0.2, 0.03, 0.02
# What a value counts for that lies at another place; and what at least for one that is another, which else counts by
# how much it differs.
_ELSEWHERE, _NEXT = 0.5, 0.1


def distance(operators, tensors, names, constants, unpaired, kinds):
    """``operators``, ``tensors`` and ``names`` are {total, differing}; ``constants`` how pairs of them are related
    (`weights.Found`), ``unpaired`` how many values the others have, ``kinds`` what kinds of differences there are.
    """
    shares = (
        (_OPERATORS, _share(**operators)),
        (_TENSORS, _share(**tensors)),
        (_WEIGHTS, _share(unpaired + sum(map(_far, constants)), unpaired + sum(each.values for each in constants))),
        (_NAMES, _share(**names)),
        (_REST, _share(sum(kind in kinds for kind in OF_THE_REST), len(OF_THE_REST))),
    )
    return sum(weight * share for weight, share in shares)


def _share(differing, total):
    return min(1.0, differing / total) if total else float(differing > 0)


def _far(found):
    """How many values of a constant are far from the other's, where those that are near count for less."""
    if found.relation in (weights.PERMUTED, weights.REORDERED):
        return _ELSEWHERE * found.values
    if found.relation == weights.WITHIN_A_STEP:
        return _NEXT * found.differing
    far = found.largest / found.magnitude if found.largest is not None and found.magnitude else 1.0
    return found.differing * min(max(far, _NEXT), 1.0)
