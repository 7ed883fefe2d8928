"""Rules for graphs: what is read has been computed, once, and is needed."""

from collections import Counter

from .finding import Finding, named

# What these do is not in the tensors that they write.
_EFFECTS = ("ASSIGN_VARIABLE", "CALL_ONCE", "HASHTABLE_IMPORT", "CUSTOM")


def findings(graph, met, prefix):
    """Every Finding about the order of a graph's operators, and about what nothing needs."""
    there = set(graph.inputs) | {place for place, each in enumerate(graph.tensors) if _has_values(each)}
    made = Counter(graph.inputs)
    for at, operator in enumerate(graph.operators):
        for number, place in enumerate(operator.inputs):
            if place >= 0 and place not in there:
                where = "{} input {}".format(named(graph, at, prefix), number)
                yield Finding("graph", where, "nothing has computed it before", graph.tensors[place].name)
        for number, place in enumerate(operator.outputs):
            made[place] += 1
            if made[place] > 1 or graph.tensors[place].constant.sha256:
                where = "{} output {}".format(named(graph, at, prefix), number)
                yield Finding("graph", where, "it has values already", graph.tensors[place].name)
            there.add(place)
    for number, place in enumerate(graph.outputs):
        if place not in there:
            where = "{}output {}".format(prefix, number)
            yield Finding("graph", where, "nothing computes it", graph.tensors[place].name)
    yield from _unused(graph, met, made, prefix)


def unused_buffers(model):
    """A Finding for each buffer with content that neither a tensor nor metadata has."""
    tensors = {tensor.buffer for graph in model.graphs for tensor in graph.tensors}
    metadata = {buffer.sha256 for _, buffer in model.metadata}
    for place, buffer in enumerate(model.buffers):
        if buffer.sha256 and place not in tensors and buffer.sha256 not in metadata:
            words = "its {} bytes belong to nothing".format(buffer.data.size)
            yield Finding("unused", "buffer {}".format(place), words, wrong=False)


def _has_values(tensor):
    return bool(tensor.constant.sha256) or tensor.variable or 0 in tensor.shape or tensor.dtype == "resource"


def _unused(graph, met, made, prefix):
    read = {place for operator in graph.operators for place in (*operator.inputs, *operator.intermediates)}
    read.update(graph.outputs)
    for place, tensor in enumerate(graph.tensors):
        if place not in read and place not in made:
            yield Finding("unused", met[place], "nothing reads it", tensor.name, wrong=False)
    for at, operator in enumerate(graph.operators):
        kept = operator.kind.split()[0] in _EFFECTS or not operator.outputs
        if not kept and not any(place in read for place in operator.outputs):
            name = graph.tensors[operator.outputs[0]].name
            yield Finding("unused", named(graph, at, prefix), "nothing reads what it computes", name, wrong=False)
