"""One model in two ONNX files that name its values differently."""

from onnx import AttributeProto, numpy_helper

from stagekit import StageError

GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
GIVE_THE_SAME = "give the source, its --weights and --with, or the --config, as for the conversion"


def of(model, marked):
    """The names of values in another file of the same model by their names here, where the two differ.

    The operand of an Identity gets the name of its result, because simplifying drops the Identity. Raises a StageError
    of kind ``usage`` where it is another model: other nodes, or other weights.
    """
    ours, theirs = list(model.graph.node), list(marked.graph.node)
    if [_described(node) for node in ours] != [_described(node) for node in theirs] or _weights(model) != _weights(
        marked
    ):
        raise StageError("usage", "the source gives another model than the one that was converted", GIVE_THE_SAME)
    named = {}
    for one, other in reversed(list(zip(ours, theirs))):
        named.update((name, mark) for name, mark in zip(one.output, other.output) if name != mark)
        if one.op_type == "Identity" and one.output[0] in named:
            named[one.input[0]] = named[one.output[0]]
    return named


def _described(node):
    attributes = sorted(
        attribute.SerializeToString(deterministic=True) for attribute in node.attribute if attribute.type not in GRAPHS
    )
    return node.name, node.op_type, len(node.input), len(node.output), attributes


def _weights(model):
    return sorted(numpy_helper.to_array(tensor).tobytes() for tensor in model.graph.initializer)
