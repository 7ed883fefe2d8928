"""Which operators of a file Vela has left on the processor, and why: from the file that it made, and from its words."""

import re
from typing import NamedTuple

# What an NPU runs is one operator of the compiled file for each row of operators.
NPU = "CUSTOM ethos-u"
_WARNED = re.compile(r"Warning \(supported operators\) operator: (\w+), ofm: '(.*)'")
_REASON = "Reason: "
# What Vela calls the tensor between an operator and the activation that the file has fused into it.
_BEFORE_ACTIVATION = "_act"


class Left(NamedTuple):
    """An operator on the processor: its place in the file, kind, the tensor that it gives, and Vela's reason."""

    number: int
    operator: str
    tensor: str
    reason: str


def left(plain, compiled, said):
    """The operators of the first graph of ``plain`` that ``compiled`` has too, in their order; ``said`` are Vela's
    lines.
    """
    remaining = {
        (operator.kind, _name(graph, operator)) for graph in compiled.graphs for operator in operator_list(graph)
    }
    told = reasons(said)
    graph = plain.graphs[0]
    found = []
    for number, operator in enumerate(graph.operators):
        name = _name(graph, operator)
        if (operator.kind, name) in remaining:
            why = told.get(name) or told.get(name + _BEFORE_ACTIVATION) or "Vela gives no reason"
            found.append(Left(number, operator.kind, name, why))
    return found


def operator_list(graph):
    """A compiled graph's operators but for those that are the NPU's."""
    return [operator for operator in graph.operators if operator.kind != NPU]


def reasons(said):
    """Why operators are not the NPU's, by the tensor that each gives."""
    found, tensor = {}, None
    for line in said:
        warned = _WARNED.match(line)
        if warned:
            tensor = warned[2]
        elif tensor and line.startswith(_REASON):
            found[tensor] = line[len(_REASON) :]
        elif tensor and line and tensor in found:
            found[tensor] += "; " + line
        elif not line:
            tensor = None
    return found


def _name(graph, operator):
    return graph.tensors[operator.outputs[0]].name if operator.outputs else ""
