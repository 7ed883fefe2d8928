"""The factor of a hard swish, x * relu6(x + 3) * 1/6, in the place where the converter knows it."""

from .graph_def import operands, producer, readers


def apply(graph_def):
    """Multiply x * relu6(x + 3) by 1/6 again: "constfold" has multiplied x."""
    nodes = {node.name: node for node in graph_def.node}
    reads = readers(graph_def)
    for node in graph_def.node:
        if node.op != "Mul":
            continue
        for scaled, clipped in (operands(node), operands(node)[::-1]):
            inner = nodes[producer(scaled)]
            if nodes[producer(clipped)].op != "Relu6" or inner.op != "Mul" or reads[inner.name] > 1:
                continue
            constants = [name for name in operands(inner) if nodes[producer(name)].op == "Const"]
            if len(constants) == 1:
                (x,) = (name for name in operands(inner) if name not in constants)
                inner.input[:] = [x, clipped]
                node.input[:] = [inner.name, constants[0]]
                break
