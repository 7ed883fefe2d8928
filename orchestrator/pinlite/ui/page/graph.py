"""The graph of each file as the page's script draws it, scope by scope; where all is drawn is said here."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pinlite.ui.console import escaped
from pinlite.ui.page import layout, scopes
from pinlite.ui.view import label
from pinlite.units import short

if TYPE_CHECKING:
    from pinlite.schema.choices import VariantName
    from pinlite.schema.debug import DebugReport
    from pinlite.schema.operators import ConversionOperators, Operator, OperatorTensor
    from pinlite.schema.report import Report, VariantReport

# The first and the last node of a scope: what it takes from elsewhere, and what it gives.
_IN, _OUT = "in", "out"


def of(
    report: "Report",
    found: "Mapping[str, ConversionOperators]",
    debugged: "Mapping[VariantName, DebugReport]",
) -> dict[str, Any]:
    """What the script gets, by what a variant is called: {operators, scopes}. ``found`` has the operators of each
    signature; "" is the one of a file that has no other.

    An operator is {kind, name, module, inputs, outputs, shape, macs}, with {error, added} where the variant was
    debugged, and {off} where its audit has found another integer than the nearest: all three are shares of 1. A scope
    is {name, parent, width, height, nodes, edges}; a node is [x, y, kind, place], of an operator or a scope.
    """
    drawn = {}
    for each in report.variants:
        kept = found.get(each.signature)
        if kept and each.name in kept.variants:
            operators = kept.variants[each.name].operators
            drawn[label(each)] = _file(each, operators, scopes.modules(kept), debugged.get(each.name))
    return drawn


def _file(
    variant: "VariantReport",
    operators: "Sequence[Operator]",
    homes: Mapping[str, str],
    debugged: "DebugReport | None",
) -> dict[str, Any]:
    errors = {scopes.in_tensorflow(layer.name): layer for layer in debugged.layers} if debugged else {}
    computed = variant.audit.computed if variant.audit else None
    off = {each.where: each.share for each in computed.off} if computed else {}
    listed = []
    for at, operator in enumerate(operators):
        named = scopes.nodes(operator)
        told = _operator(operator, next((homes[node] for node in named if node in homes), ""))
        layer = next((errors[node] for node in named if node in errors), None)
        if layer:
            told |= {"error": _figure(layer.errors.get(variant.name)), "added": _figure(layer.added)}
        if computed and operator.outputs and operator.outputs[0].scale is not None:
            told["off"] = off.get(f"{operator.kind} {at}", 0.0)
        listed.append(told)
    return {"operators": listed, "scopes": _scopes(scopes.tree(operators, homes), operators)}


def _operator(operator: "Operator", module: str) -> dict[str, Any]:
    made = operator.outputs[0] if operator.outputs else None
    return {
        "kind": escaped(operator.kind),
        "name": escaped(short(made.name)) if made else "",
        "module": escaped(module),
        "inputs": [_tensor(each) for each in operator.inputs],
        "outputs": [_tensor(each) for each in operator.outputs],
        "shape": escaped(f"{made.type} {_sizes(made)}") if made else "",
        "macs": operator.macs,
    }


def _tensor(tensor: "OperatorTensor") -> str:
    """A tensor in words."""
    words = [tensor.name, tensor.type, _sizes(tensor)]
    if tensor.constant:
        words.append("constant")
    if tensor.scale is not None:
        several = f"the first of {tensor.channels} scales " if tensor.channels > 1 else "scale "
        words.append(f"{several}{tensor.scale:.6g} and zero point {tensor.zero_point}")
    if tensor.seen:
        words.append(f"from {tensor.seen[0]:.4g} to {tensor.seen[1]:.4g}")
    return escaped(", ".join(words))


def _sizes(tensor: "OperatorTensor") -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _figure(value: float | None) -> float | None:
    """JSON has finite numbers alone."""
    return value if value is not None and math.isfinite(value) else None


def _scopes(root: scopes.Scope, operators: "Sequence[Operator]") -> list[dict[str, Any]]:
    """Every scope, the outermost first, each as a picture of its own."""
    makers = {tensor.name: at for at, operator in enumerate(operators) for tensor in operator.outputs}
    before = [
        {makers[tensor.name] for tensor in operator.inputs if not tensor.constant and tensor.name in makers}
        for operator in operators
    ]
    found: list[dict[str, Any]] = []
    pending = [(root, -1)]
    while pending:
        scope, parent = pending.pop(0)
        number = len(found)
        inner = [child for child in scope.children if isinstance(child, scopes.Scope)]
        place = {id(child): number + len(pending) + 1 + at for at, child in enumerate(inner)}
        found.append({"name": escaped(scope.name), "parent": parent} | _picture(scope, before, place))
        pending += [(child, number) for child in inner]
    return found


def _picture(scope: scopes.Scope, before: Sequence[set[int]], place: Mapping[int, int]) -> dict[str, Any]:
    home = {}
    for node, child in enumerate(scope.children, 1):
        for operator in child.operators() if isinstance(child, scopes.Scope) else (child,):
            home[operator] = node
    last = len(scope.children) + 1
    taken: dict[int, set[int]] = {node: set() for node in range(1, last + 1)}
    given = set(home)
    for operator, node in home.items():
        for maker in before[operator]:
            start = home.get(maker, 0)
            given.discard(maker)
            if start != node:
                taken[node].add(start)
        if not before[operator]:
            taken[node].add(0)
    # What nothing in here takes leaves it, and so does what something elsewhere takes.
    used = {maker for operator, makers in enumerate(before) if operator not in home for maker in makers}
    taken[last] = {home[operator] for operator in home if operator in given or operator in used}
    laid = layout.of(last + 1, taken)
    kinds = [(_IN, 0)]
    kinds += [("scope", place[id(each)]) if isinstance(each, scopes.Scope) else ("op", each) for each in scope.children]
    kinds.append((_OUT, 0))
    return {
        "width": laid.width,
        "height": laid.height,
        "nodes": [[*at, *kind] for at, kind in zip(laid.places, kinds, strict=True)],
        "edges": [list(edge) for edge in laid.edges],
    }
