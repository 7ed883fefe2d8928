"""Make one layer of a .tflite file compute something else: the constants of an operator are half as large again.

Runs in the tensorflow image, with its programs: FILE, and the words that the name of the layer's tensor begins with.
"""

import sys
from pathlib import Path

import numpy as np

from tflite_convert import flatbuffer
from tflite_convert.passes import editing

path, layer = Path(sys.argv[1]), sys.argv[2].encode()
model = flatbuffer.unpacked(path.read_bytes())
graph = model.subgraphs[0]
(operator,) = [each for each in graph.operators if graph.tensors[each.outputs[0]].name.startswith(layer)]
_, *constants = [graph.tensors[at] for at in operator.inputs]
for tensor in constants:
    numbers = editing.numbers(model, tensor)
    model.buffers[tensor.buffer].data = (numbers * np.float32(1.5)).view(np.uint8)
path.write_bytes(flatbuffer.packed(model))
