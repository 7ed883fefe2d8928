"""What tensors of a .tflite file of floats are on samples."""

import tensorflow as tf

from stagekit import interpreter

from . import flatbuffer, shares


def each(model, tensors, inputs, samples):
    """{tensor: array} for each sample, of those tensors (their places) of a ModelT.

    ``inputs`` are the interpreter's details by the samples' names, ``samples`` dicts of arrays by name.
    """
    graph = model.subgraphs[0]
    own = graph.outputs
    # With the file's own outputs: XNNPACK may end the process where nothing reads an operator's result.
    graph.outputs = sorted({*tensors, *map(int, own)})
    try:
        opened = tf.lite.Interpreter(model_content=flatbuffer.packed(model))
    finally:
        graph.outputs = own
    for sample in samples:
        interpreter.feed(opened, inputs, sample)
        interpreter.invoke(opened)
        yield {tensor: opened.get_tensor(tensor) for tensor in tensors}


def of_shares(model, tensors, inputs, samples, found):
    """What ``found`` makes of what `each` gives, for each share of the samples, in their order.

    How many shares there are depends on the machine: what is made of all of them must not.
    """

    def of_share(share, _):
        return found(each(model, tensors, inputs, share))

    return shares.each(samples, of_share, apart=flatbuffer.runs_apart(model))
