"""The nodes of a graph of torch's."""


def every(block):
    """The nodes of a graph, and of the bodies in it, in the order in which they run."""
    for node in block.nodes():
        yield node
        for body in node.blocks():
            yield from every(body)
