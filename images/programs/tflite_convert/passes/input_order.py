"""The order of a file's inputs and outputs: of a SavedModel with functions, the converter has another at every run."""


def apply(model, known):
    """Put inputs and outputs in the order ``known.order``, the places of the tensors: ([inputs], [outputs]).

    Inputs are numbered in it too: by nothing but that do files of the same model differ. They have no constants, and
    so change places with each other alone.
    """
    inputs, outputs = known.order
    # They name tensors by their old numbers.
    model.signatureDefs = None
    graph = model.subgraphs[0]
    places = dict(zip(inputs, sorted(inputs)))
    moved = [graph.tensors[index] for index in inputs]
    for place, tensor, buffer in zip(sorted(inputs), moved, sorted(tensor.buffer for tensor in moved)):
        graph.tensors[place], tensor.buffer = tensor, buffer
    graph.inputs = sorted(inputs)
    graph.outputs = [places.get(index, index) for index in outputs]
    for operator in graph.operators:
        operator.inputs = [places.get(index, index) for index in operator.inputs]
    return True
