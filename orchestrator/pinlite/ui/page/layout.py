"""Where the nodes of a small graph are drawn: in layers from top to bottom, by the longest way from the first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# In the picture's units.
WIDTH, HEIGHT, GAP, LAYER, LANE = 168, 40, 24, 76, 20


@dataclass(frozen=True)
class Layout:
    """``places`` are the left upper corners of nodes; ``edges`` run through their points, x and y by turns."""

    width: int
    height: int
    places: tuple[tuple[int, int], ...]
    edges: tuple[tuple[int, ...], ...]


def of(count: int, before: Mapping[int, Collection[int]]) -> Layout:
    """The layout of ``count`` nodes, which are in an order of computing; ``before`` has those whose values each takes.

    What would lead back in that order, as from a module that is used twice, puts nothing into a deeper layer.
    """
    layer = [0] * count
    for node in range(count):
        layer[node] = max((layer[each] + 1 for each in before.get(node, ()) if each < node), default=0)
    lanes, ways = _lanes(count, before, layer)
    x = _across(count, lanes)
    shift = min((x[each] - _wide(each, count) // 2 for each in x), default=0)
    centre = {each: at - shift for each, at in x.items()}
    edges = []
    for (start, end), way in ways.items():
        inner = [point for each in way for point in (centre[each], lanes.layer[each] * LAYER + HEIGHT // 2)]
        first = (centre[start], layer[start] * LAYER + HEIGHT)
        edges.append((*first, *inner, centre[end], layer[end] * LAYER))
    return Layout(
        width=max((centre[each] + _wide(each, count) // 2 for each in centre), default=0),
        height=max(layer, default=0) * LAYER + HEIGHT,
        places=tuple((centre[node] - WIDTH // 2, layer[node] * LAYER) for node in range(count)),
        edges=tuple(edges),
    )


@dataclass(frozen=True)
class _Lanes:
    """What stands in each layer: nodes, and lanes of edges that pass; ``above`` are their neighbours in the layer
    before.
    """

    layer: dict[int, int]
    rows: list[list[int]]
    above: dict[int, list[int]]


def _lanes(
    count: int, before: Mapping[int, Collection[int]], layer: list[int]
) -> tuple[_Lanes, dict[tuple[int, int], list[int]]]:
    """The layers with a lane wherever an edge passes one, and the lanes of each edge."""
    home = dict(enumerate(layer))
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    above: dict[int, list[int]] = {}
    ways: dict[tuple[int, int], list[int]] = {}
    for node in range(count):
        rows[layer[node]].append(node)
    for node in range(count):
        for start in sorted(before.get(node, ())):
            last, way = start, []
            for passed in range(layer[start] + 1, layer[node]):
                lane = len(home)
                home[lane] = passed
                rows[passed].append(lane)
                above[lane] = [last]
                way.append(lane)
                last = lane
            if layer[start] < layer[node]:
                above.setdefault(node, []).append(last)
            ways[start, node] = way
    return _Lanes(home, rows, above), ways


def _across(count: int, lanes: _Lanes) -> dict[int, int]:
    """The middle of each node and lane: below what it takes, in its order, and beside the next one."""
    x: dict[int, int] = {}
    for row in lanes.rows:
        wanted = {}
        for each in row:
            above = [x[other] for other in lanes.above.get(each, ())]
            wanted[each] = sum(above) // len(above) if above else 0
        # Of those that want the same place a node has it, and lanes are to its right.
        ordered = sorted(row, key=lambda each: (wanted[each], each >= count, each))
        right = None
        for each in ordered:
            half = _wide(each, count) // 2
            x[each] = wanted[each] if right is None else max(wanted[each], right + GAP + half)
            right = x[each] + half
        shift = sum(x[each] - wanted[each] for each in ordered if each < count) // max(len(ordered), 1)
        for each in ordered:
            x[each] -= shift
    return x


def _wide(each: int, count: int) -> int:
    return WIDTH if each < count else LANE
