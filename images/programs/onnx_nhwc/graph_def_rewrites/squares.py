"""Squares as products: TFLite's SQUARE, which "arithmetic" has made of a product, is for floats alone."""


def apply(graph_def):
    """Multiply numbers by themselves again."""
    for node in graph_def.node:
        if node.op == "Square":
            node.op = "Mul"
            node.input[1:1] = [node.input[0]]
