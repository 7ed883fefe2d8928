"""Run by the Python of the tensorflow image: each operator of an int8 file alone, on the integers that the float32 file
of the same model, which was trained for int8, has there.

python each_layer.py FLOAT32.tflite INT8.tflite SAMPLES.npz

Writes JSON: by operator [how many there are, the largest difference in steps, the share of results that are the same].
"""

import copy
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from tflite_convert import flatbuffer
from tflite_convert.passes import editing

KINDS = {
    getattr(schema.BuiltinOperator, name): name
    for name in (
        *("ADD", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MEAN"),
        "TRANSPOSE_CONV",
    )
}


def of_kind(model):
    """Operators by kind, in the order of the graph, which is the same in both files."""
    found = defaultdict(list)
    for operator in model.subgraphs[0].operators:
        kind = KINDS.get(model.operatorCodes[operator.opcodeIndex].builtinCode)
        if kind:
            found[kind].append(operator)
    return found


def computed(model, samples):
    """What the operators of a file compute, by the place of the tensor; the file's outputs are changed for it."""
    graph = model.subgraphs[0]
    graph.outputs = sorted({int(at) for operator in graph.operators for at in operator.outputs})
    interpreter = tf.lite.Interpreter(model_content=flatbuffer.packed(model))
    interpreter.allocate_tensors()
    (fed,) = interpreter.get_input_details()
    interpreter.set_tensor(fed["index"], samples)
    interpreter.invoke()
    return {int(graph.inputs[0]): samples, **{at: interpreter.get_tensor(at) for at in graph.outputs}}


def integers(values, tensor):
    numbers = np.round(values / tensor.quantization.scale[0]) + tensor.quantization.zeroPoint[0]
    return np.clip(numbers, -128, 127).astype(np.int8)


def alone(model, operator, read):
    """What an operator gives of integers by the place of the tensor."""
    model = copy.deepcopy(model)
    graph = model.subgraphs[0]
    graph.inputs, graph.outputs, graph.operators = list(read), list(operator.outputs), [operator]
    interpreter = tf.lite.Interpreter(model_content=flatbuffer.packed(model))
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), read.values()):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def main():
    floats, model = (flatbuffer.unpacked(Path(name).read_bytes()) for name in sys.argv[1:3])
    (samples,) = np.load(sys.argv[3]).values()
    values, tensors = computed(floats, samples), model.subgraphs[0].tensors
    ours = of_kind(model)
    result = {}
    for kind, theirs in of_kind(floats).items():
        assert len(theirs) == len(ours[kind]), kind
        differences = []
        for one, other in zip(theirs, ours[kind]):
            before = [int(at) for at in one.inputs if int(at) in values]
            places = [int(at) for at in other.inputs if at >= 0 and editing.numbers(model, tensors[at]) is None]
            read = {place: integers(values[at], tensors[place]) for at, place in zip(before, places)}
            given = alone(model, other, read)
            wanted = integers(values[int(one.outputs[0])], tensors[int(other.outputs[0])]).reshape(given.shape)
            differences.append(np.abs(given.astype(int) - wanted.astype(int)).ravel())
        every = np.concatenate(differences)
        result[kind] = [len(differences), int(every.max()), float((every == 0).mean())]
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
