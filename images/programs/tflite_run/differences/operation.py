"""The operation ``diff``: how two files differ."""

import filecmp
import itertools
import json
import math
from collections import Counter

from stagekit import StageError, interpreter

from .. import limited, parts
from . import files, graphs, weights
from .difference import KINDS, OF_OPERATORS, OF_TENSORS, Difference
from .distance import distance

# In characters: of each text that is a file's, and of all differences as JSON.
_LONGEST_TEXT, _LONGEST_LIST = 120, 4 * 2**20
# Inputs or outputs, and characters of all their names.
_MOST_FEEDS, _LONGEST_FEEDS = 1000, 2**20
# How many times over the weights of two files are compared at most, since tensors can share them.
_MOST_COMPARED = 16

_NO_GRAPH = parts.Graph("", [], [], (), ())


def diff(request):
    """Tell two .tflite files apart. Roles in: one, other. Returns

    - ``distance``: 0 for the same bytes, and at most 1;
    - ``operators``, ``tensors``, ``names``: {total, differing}; of pairs, operators and tensors also of one file alone;
    - ``weights``: how many pairs of constants there are of each relation that `weights.Found` has;
    - ``counts``: how many differences of each kind;
    - ``differences``: those that there is room for, in the order of `KINDS`, as `Difference` has them;
    - ``feeds``: the other file's inputs and outputs by the names that `infer` gives the first one's, {inputs, outputs},
      each [{name, tensor, ours, theirs}], where the last two are {scale, zero_point} of integers in either file, or
      None; or None where they don't correspond.
    """
    paths = request.inputs["one"], request.inputs["other"]
    one, other = (_read(path, whose) for path, whose in zip(paths, ("first", "other")))
    both = itertools.zip_longest(one.graphs, other.graphs, fillvalue=_NO_GRAPH)
    pairs = [graphs.paired(at, *pair) for at, pair in enumerate(both)]
    spend = _limited(_MOST_COMPARED * sum(buffer.data.size for buffer in one.buffers + other.buffers))
    found = [each for pair in pairs for each in graphs.differences(pair, spend)]
    found += files.differences(one, other, pairs)
    told = [each for each in found if each.found is None or each.found.relation != weights.EQUAL]
    if not told and not filecmp.cmp(*map(str, paths), shallow=False):
        told = [Difference("layout", "file", "holds the same, laid out in another way")]
    told.sort(key=lambda each: KINDS.index(each.kind))
    counts = Counter(each.kind for each in told)
    related = [each.found for each in found if each.found]
    totals = _totals(told, pairs)
    return dict(
        totals,
        distance=distance(constants=related, unpaired=_unpaired(pairs), kinds=counts, **totals),
        weights=dict(Counter(each.relation for each in related)),
        counts=dict(counts),
        differences=list(_listed(told)),
        feeds=_feeds(one, pairs[0]),
    )


def _read(path, whose):
    try:
        return parts.read(path)
    except StageError as error:
        raise StageError(error.kind, "the {} file: {}".format(whose, error.message), error.hint) from error


def _limited(most):
    """A function that counts the bytes that are going to be compared, and refuses when they become too many."""
    left = [most]

    def spend(size):
        left[0] -= size
        if left[0] < 0:
            message = "the tensors of these files share weights so often that comparing them has no end"
            raise StageError("usage", message, interpreter.CONVERT_AGAIN)

    return spend


def _totals(told, pairs):
    """How many operators, tensors and names there are, and how many of them differ."""
    operators = sum(len(each.one.operators) + len(each.other.operators) - len(each.pairs.operators) for each in pairs)
    paired = sum(len(each.pairs.tensors) for each in pairs)
    alone = sum(len(each.one.tensors) + len(each.other.tensors) for each in pairs) - 2 * paired
    return {
        "operators": {"total": operators, "differing": _differing(told, OF_OPERATORS)},
        "tensors": {"total": paired + alone, "differing": _differing(told, OF_TENSORS) + alone},
        "names": {"total": paired, "differing": sum(each.kind == "names" for each in told)},
    }


def _differing(told, kinds):
    return len({each.about for each in told if each.kind in kinds})


def _unpaired(pairs):
    """How many values the constants have that are in one file alone."""
    return sum(
        weights.values(tensor).size
        for pair in pairs
        for graph, partners in ((pair.one, pair.pairs.tensors), (pair.other, pair.pairs.partners))
        for place, tensor in enumerate(graph.tensors)
        if tensor.constant.sha256 and place not in partners
    )


def _listed(told):
    """The differences as JSON, as many as there is room for."""
    return limited.rows(map(_entry, told), _LONGEST_LIST)


def _entry(told):
    texts = {name: getattr(told, name) for name in ("kind", "where", "what", "ours", "theirs", "tensor")}
    entry = {name: limited.text(text, _LONGEST_TEXT) for name, text in texts.items()}
    return {**entry, "weights": told.found._asdict() if told.found else None}


def _feeds(one, pair):
    """The other file's inputs and outputs by the names of the first one's, or None."""
    signature = next((each for each in one.signatures if each.graph == 0), parts.Signature("", 0, [], []))
    feeds = {}
    for field in ("inputs", "outputs"):
        ours, theirs = getattr(pair.one, field), getattr(pair.other, field)
        if len(ours) != len(theirs) or len(ours) > _MOST_FEEDS:
            return None
        details = [{"name": pair.one.tensors[place].name, "index": place} for place in ours]
        names = list(interpreter.bind(details, [], getattr(signature, field)))
        # By what they are where they are the same tensors, else by position.
        places = {place: at for at, place in enumerate(ours)}
        order = [places.get(pair.pairs.partners.get(place)) for place in theirs]
        if None in order or len(set(order)) < len(order):
            order = range(len(ours))
        feeds[field] = [
            {
                "name": names[at],
                "tensor": pair.other.tensors[place].name,
                "ours": _step(pair.one.tensors[ours[at]]),
                "theirs": _step(pair.other.tensors[place]),
            }
            for at, place in zip(order, theirs)
        ]
    return feeds if len(json.dumps(feeds)) <= _LONGEST_FEEDS else None


def _step(tensor):
    """Scale and zero point of a tensor of quantized integers, or None."""
    scales, zero_points = tensor.quantization[:2]
    if len(scales) != 1 or len(zero_points) != 1 or not math.isfinite(scales[0]):
        return None
    return {"scale": scales[0], "zero_point": zero_points[0]}
