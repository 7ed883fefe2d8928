"""The results of every operator in a .tflite file, whose interpreter reuses their memory unless they are the file's
outputs.
"""

import numpy as np
import tensorflow as tf

from stagekit import interpreter

from . import flatbuffer


def trace(content, inputs, samples):
    """The numbers that the file's operators compute of the samples, in their order: [(tensor, array)].

    ``inputs`` are [{name, tensor}], ``samples`` arrays by those names, in the file's layout. Quantized integers are
    turned into the numbers that they stand for; other integers, and what follows from constants alone, are left out.
    """
    model = flatbuffer.unpacked(content)
    kept = _computed(model.subgraphs[0])
    model.subgraphs[0].outputs = kept
    opened = tf.lite.Interpreter(model_content=flatbuffer.packed(model), num_threads=1)
    interpreter.feed(opened, interpreter.bind(opened.get_input_details(), inputs), samples)
    interpreter.invoke(opened)
    details = {detail["index"]: detail for detail in opened.get_tensor_details()}
    return [(details[at]["name"], _real(opened.get_tensor(at), details[at])) for at in kept if _is_real(details[at])]


def _computed(graph):
    known = [int(at) for at in graph.inputs]
    for operator in graph.operators:
        if any(at in known for at in operator.inputs):
            known.extend(int(at) for at in operator.outputs)
    return known


def _is_real(detail):
    scale, _ = detail["quantization"]
    return np.prod(detail["shape"]) > 0 and (np.dtype(detail["dtype"]).kind == "f" or scale != 0.0)


def _real(array, detail):
    scale, zero_point = detail["quantization"]
    if array.dtype.kind == "f":
        return array
    return ((array.astype(np.float64) - zero_point) * scale).astype(np.float32)
