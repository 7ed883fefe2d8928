"""Networks over time with the batch before it, layout 1, which opset 13 doesn't have."""

from .rule import inputs, rule

# X and the states before the first step, by their places among the inputs.
WITH_BATCH = {"RNN": (0, 5), "GRU": (0, 5), "LSTM": (0, 5, 6)}


@rule("GRU", "LSTM", "RNN", since=(14, 22))
def batch_first(node, op):
    if not node.attributes.get_int("layout", 0):
        return None
    given = inputs(node, 8 if node.op_type == "LSTM" else 6)
    for place in WITH_BATCH[node.op_type]:
        if given[place] is not None:
            given[place] = op.Transpose(given[place], perm=[1, 0, 2])
    attributes = {name: attribute for name, attribute in node.attributes.items() if name != "layout"}
    y, *states = op.add(node.op_type, given, attributes, len(node.outputs))
    return [op.Transpose(y, perm=[2, 0, 1, 3]), *(op.Transpose(state, perm=[1, 0, 2]) for state in states)]
