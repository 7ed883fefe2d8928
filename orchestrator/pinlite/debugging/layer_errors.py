"""Which layers add to the error: the tensors of several runtimes, paired by their names, compared with onnxruntime's.

The *error* of a tensor is its distance from onnxruntime's (`pinlite.parity.distance`). What a
layer *adds* is its error less the largest error of its inputs: of the nearest tensors before it that the same runtime
has too, because runtimes fuse layers. Both are shares of 1; a layer that makes an error smaller adds less than 0.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pinlite import parity
from pinlite.schema.debug import Layer
from pinlite.stages.trace import Node

Array = NDArray[np.generic]

# The suffix that the quantizer gives to the integers of a float tensor.
_INTEGERS = re.compile(r"_(u?int8|int16)$")
# A kernel begins with one of these operators: they are never fused into the kernel before.
_HEADS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_ROUND = "QuantizeLinear"
_ROUNDING = {_ROUND, "DequantizeLinear"}
# The ranks of which there are two layouts.
_LAID_OUT = (3, 4, 5)
# A rewrite of the graph may change the value of a node (like the order of its channels): it is far from onnxruntime's,
# though everything that is computed from it is equal.
_ANOTHER, _EQUAL = 1e-2, 1e-3


@dataclass(frozen=True)
class Reference:
    """The ONNX graph, in topological order, and its values by name, as onnxruntime computes them."""

    nodes: Sequence[Node]
    values: Mapping[str, Array]
    makers: Mapping[str, Node] = field(init=False)
    readers: Mapping[str, list[Node]] = field(init=False)

    def __post_init__(self) -> None:
        readers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        makers = {output: node for node in self.nodes for output in node.outputs}
        for node in self.nodes:
            for name in node.inputs:
                if name in makers:
                    readers[makers[name].name].append(node)
        object.__setattr__(self, "makers", makers)
        object.__setattr__(self, "readers", readers)

    def value(self, node: Node) -> Array | None:
        """The value of a node with one output; None if it has several, which a node's name can't tell apart."""
        return self.values.get(node.outputs[0]) if len(node.outputs) == 1 else None

    def before(self, node: Node) -> list[Node]:
        return [self.makers[name] for name in node.inputs if name in self.makers]


Traced = Sequence[tuple[str, Array]]
# The name of a PyTorch module and its output, by the ONNX name of the output.
Modules = Mapping[str, tuple[str, Array]]


def layers(
    reference: Reference,
    tensorflow: Traced,
    files: Mapping[str, Traced],
    variant: str,
    modules: Modules | None = None,
) -> tuple[Layer, ...]:
    """The layers that have a tensor in the variant's file, by what they add to its error, the most first.

    ``tensorflow`` are a SavedModel's nodes and arrays in topological order; ``files`` the tensors of each TFLite file,
    by its variant. Arrays have either layout. ``modules`` is None if PyTorch did not run.
    """
    homes = dict(_homes(reference, tensorflow))
    graph = _errors(reference, ((homes.get(name), array) for name, array in tensorflow))
    others = _others(reference, graph)
    named = {_rounded(reference, value).name: name for value, (name, _) in (modules or {}).items()}
    errors = {} if modules is None else {"torch": _of_modules(reference, modules)}
    errors["tensorflow"] = graph
    for name, traced in files.items():
        errors[name] = _errors(reference, ((_holder(reference, homes, tensor), array) for tensor, array in traced))
    kept = {
        runtime: {node: error for node, error in found.items() if node not in others}
        for runtime, found in errors.items()
    }
    found = [
        _layer(reference, node, kept, variant).model_copy(update={"module": named.get(node.name)})
        for node in reference.nodes
        if node.name in kept[variant]
    ]
    return tuple(sorted(found, key=lambda layer: -layer.added))


def _of_modules(reference: Reference, modules: Modules) -> dict[str, float]:
    return {
        _rounded(reference, value).name: parity.distance(reference.values[value], array)
        for value, (_, array) in modules.items()
        if value in reference.values and reference.values[value].shape == array.shape
    }


def _rounded(reference: Reference, value: str) -> Node:
    """The node that makes a value; for a value that is rounded, the node before the rounding."""
    node = reference.makers[value]
    while node.operator in _ROUNDING and reference.before(node):
        node = reference.before(node)[0]
    return node


def _homes(reference: Reference, traced: Traced) -> Iterator[tuple[str, Node]]:
    """The nodes of TensorFlow's graph that have the value of an ONNX node: the last fitting one of its scope, and
    outputs.
    """
    nodes = {node.name: node for node in reference.nodes}
    outputs = {output: node for output, node in reference.makers.items() if len(node.outputs) == 1}
    last = {}
    for name, array in traced:
        scope, slash, _ = name.partition("/")
        node = nodes.get(scope) if slash else outputs.get(name, nodes.get(name))
        value = None if node is None else reference.value(node)
        if node is not None and value is not None and _arrangements(value, array):
            if slash:
                last[scope] = (name, node)
            else:
                yield name, node
    yield from last.values()


def _holder(reference: Reference, homes: Mapping[str, Node], tensor: str) -> Node | None:
    """The ONNX node whose value a tensor of a file has.

    The tensor's name lists all nodes that were fused into it, and may list others that share a constant with it.
    """
    names = [_INTEGERS.sub("", name) for name in tensor.split(";")]
    fused = [homes[name] for name in names if name in homes]
    if not fused:
        return None
    node = fused[0]
    while after := [
        reader for reader in reference.readers[node.name] if reader in fused and reader.operator not in _HEADS
    ]:
        node = after[0]
    return node


def _errors(reference: Reference, values: Iterator[tuple[Node | None, Array]]) -> dict[str, float]:
    """The error of each node's last value."""
    errors = {}
    for node, array in values:
        if node is not None:
            found = [
                parity.distance(wanted, each)
                for wanted in _wanted(reference, node)
                for each in _arrangements(wanted, array)
            ]
            if found:
                errors[node.name] = min(found)
    return errors


def _wanted(reference: Reference, node: Node) -> list[Array]:
    """The value of a node, and its rounded value if the model was trained for int8: an integer file rounds in the layer
    itself.
    """
    readers = reference.readers
    rounded = [after for reader in readers[node.name] if reader.operator == _ROUND for after in readers[reader.name]]
    values = [reference.value(each) for each in [node, *rounded]]
    return [value for value in values if value is not None]


def _arrangements(wanted: Array, array: Array) -> list[Array]:
    """The array, and the array with its channels moved to axis 1, if they have the wanted shape."""
    turned = [np.moveaxis(array, -1, 1)] if array.ndim in _LAID_OUT else []
    return [each for each in [array, *turned] if each.shape == wanted.shape]


def _others(reference: Reference, errors: Mapping[str, float]) -> set[str]:
    """The nodes whose value a rewrite has changed: it is far off, and everything that is computed from it is equal."""
    found: set[str] = set()
    for node in reversed(reference.nodes):
        if errors.get(node.name, 0.0) > _ANOTHER:
            after, _ = _nearest(node, lambda each: reference.readers[each.name], errors.keys() - found)
            if after and all(errors[name] < _EQUAL for name in after):
                found.add(node.name)
    return found


def _nearest(node: Node, step: Callable[[Node], list[Node]], known: Collection[str]) -> tuple[set[str], set[str]]:
    """The names of the first known nodes on every way, and of the nodes on the ways to them."""
    found: set[str] = set()
    passed: set[str] = set()
    pending = list(step(node))
    while pending:
        each = pending.pop()
        if each.name in known:
            found.add(each.name)
        elif each.name not in passed:
            passed.add(each.name)
            pending += step(each)
    return found, passed


def _layer(reference: Reference, node: Node, errors: Mapping[str, Mapping[str, float]], variant: str) -> Layer:
    known = errors[variant]
    before, passed = _nearest(node, reference.before, known.keys())
    read = max((known[name] for name in before), default=0.0)
    return Layer(
        name=node.name,
        operator=node.operator,
        value=node.outputs[0],
        includes=tuple(
            each.name for each in reference.nodes if each.name in passed and reference.value(each) is not None
        ),
        errors={runtime: found[node.name] for runtime, found in errors.items() if node.name in found},
        # Nothing can be added to an infinite error.
        added=0.0 if read == float("inf") else known[node.name] - read,
    )
