#!/usr/bin/env bash
# tflite-support's MetadataPopulator moves a file's constants to where they may not lie.
#
# Versions: tflite-support 0.4.4, the newest, with flatbuffers 25.12.19 (CPython 3.11, Linux x86-64).
# TFLite's schema wants the bytes of each buffer at a multiple of 16 (force_align), and every converter writes them so;
# kernels for microcontrollers and accelerators read them in place. To add metadata the populator reads the file into
# objects and packs them anew, by flatbuffers' vectors of bytes, which lie at multiples of 4. Nothing tells of it.
#
# Seen, of three constants at 0, 0, 0 beyond a multiple of 16: after populate() they are at 4, 4 and 12
#
# PYTHON names the interpreter, a CPython 3.11. Takes a minute and 250 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check \
  tflite-support==0.4.4 flatbuffers==25.12.19 'numpy<2'
cat >"$folder/run.py" <<'PYTHON'
import flatbuffers
import numpy as np
from tensorflow_lite_support.metadata import metadata_schema_py_generated as metadata_schema
from tensorflow_lite_support.metadata import schema_py_generated as schema
from tensorflow_lite_support.metadata.python.metadata import MetadataPopulator


class Aligned(schema.BufferT):
    """Packed as the schema wants it."""

    def Pack(self, builder):
        builder.StartVector(1, len(self.data), 16)
        for byte in reversed(self.data.tolist()):
            builder.PrependUint8(byte)
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def beyond(content):
    """How far beyond a multiple of 16 each constant lies."""
    whole, model = np.frombuffer(content, np.uint8), schema.Model.GetRootAsModel(content, 0)
    start = whole.__array_interface__["data"][0]
    return [
        (model.Buffers(at).DataAsNumpy().__array_interface__["data"][0] - start) % 16
        for at in range(1, model.BuffersLength())
        if model.Buffers(at).DataLength() == 12
    ]


model, graph = schema.ModelT(), schema.SubGraphT()
graph.tensors, graph.operators, model.buffers = [], [], [schema.BufferT()]
for name in ("x", "first", "second", "third", "c1", "c2", "c3"):
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name, [3]
    if name.startswith("c"):
        tensor.buffer = len(model.buffers)
        buffer = Aligned()
        buffer.data = np.float32([1, 2, int(name[1])]).view(np.uint8)
        model.buffers.append(buffer)
    graph.tensors.append(tensor)
for at in range(3):
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [at, 4 + at], [at + 1]
    graph.operators.append(operator)
graph.inputs, graph.outputs = [0], [3]
code = schema.OperatorCodeT()
model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
builder = flatbuffers.Builder(0)
builder.Finish(model.Pack(builder), b"TFL3")
content = bytes(builder.Output())
print("RESULT before:", beyond(content))
assert beyond(content) == [0, 0, 0]

told, sub, tensor = metadata_schema.ModelMetadataT(), metadata_schema.SubGraphMetadataT(), metadata_schema.TensorMetadataT()
tensor.name, sub.inputTensorMetadata, sub.outputTensorMetadata = "x", [tensor], [tensor]
told.name, told.subgraphMetadata = "net", [sub]
builder = flatbuffers.Builder(0)
builder.Finish(told.Pack(builder), MetadataPopulator.METADATA_FILE_IDENTIFIER)
populator = MetadataPopulator.with_model_buffer(bytearray(content))
populator.load_metadata_buffer(bytes(builder.Output()))
populator.populate()
after = beyond(bytes(populator.get_model_buffer()))
print("RESULT after populate():", after)
assert len(after) == 3 and any(after), "constants lie where they should"
PYTHON
log=$folder/log
"$folder/venv/bin/python" "$folder/run.py" >"$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
grep RESULT "$log"
echo "as found: constants that lay at multiples of 16 lie elsewhere in the file with metadata"
