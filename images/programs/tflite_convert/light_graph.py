"""A saved_model.pb without its weights."""

from stagekit import wire

# Where SavedModel, MetaGraphDef, GraphDef and NodeDef have what leads to a constant.
META_GRAPHS, GRAPH_DEF, NODES = 2, 2, 1
OP, ATTRIBUTES = 2, 5


def split(content):
    """The message without the values of its large constants, as bytes, and where the GraphDef of each of its
    MetaGraphDefs lies in the content: [(start, end)]. Where one is not in one piece, there is None, and all of it is in
    the message. A ValueError where the content is no such message.
    """
    places = []

    def without_weights(meta_graph):
        graphs = [(each.start, each.end) for each in wire.fields(content, meta_graph) if each.number == GRAPH_DEF]
        if len(graphs) != 1:
            places.append(None)
            return content[meta_graph.start : meta_graph.end]
        places.extend(graphs)
        return wire.rewritten(content, meta_graph, GRAPH_DEF, light)

    def light(graph):
        return wire.rewritten(content, graph, NODES, lambda node: _without_value(content, node))

    return wire.rewritten(content, wire.whole(content), META_GRAPHS, without_weights), places


def _without_value(content, node):
    """A node; of a large constant all but its value."""
    kinds = [content[each.start : each.end] for each in wire.fields(content, node) if each.number == OP]
    if b"Const" not in kinds:
        return content[node.start : node.end]
    return wire.without(content, node, lambda each: each.number == ATTRIBUTES and each.size > wire.LARGE)
