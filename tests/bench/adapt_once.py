"""What `adapt.py` has run in the image of today's ONNX, a process each: make a model, run it, adapt it.

make NAME FOLDER writes one of the models; run FOLDER and adapt FOLDER OUT print the seconds since the process began,
and those of its processor, the latter running the model just as often, once.
"""

import sys
import time

STARTED = time.perf_counter()

import contextlib  # noqa: E402 - imports are part of what is timed
from pathlib import Path  # noqa: E402

# Blocks and width of a transformer; a megabyte has 262,144 floats.
TRANSFORMERS = {"transformer_100mb": (8, 512), "transformer_1gb": (20, 1024)}
LENGTH, WIDE, HEAD = 128, 4, 64
CHANNELS = (32, 64, 128, 128, 256, 256, 256, 256)


def make(name, folder):
    import numpy as np
    import onnx
    from onnx import helper

    nodes, weights, random = [], [], np.random.default_rng(0)

    def constant(array):
        weights.append(onnx.numpy_helper.from_array(np.asarray(array), f"w{len(weights)}"))
        return weights[-1].name

    def weight(*shape):
        return constant(random.standard_normal(shape, "float32") * np.float32(0.02))

    def op(op_type, *inputs, outputs=1, **attributes):
        names = [f"{op_type}_{len(nodes)}_{at}" for at in range(outputs)]
        nodes.append(helper.make_node(op_type, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def convolutional():
        x, before = "x", 3
        for at, channels in enumerate(CHANNELS):
            strides = [2, 2] if at in (0, 1, 2, 4) else [1, 1]
            convolved = op("Conv", x, weight(channels, before, 3, 3), weight(channels), pads=[1] * 4, strides=strides)
            x, before = op("HardSwish", convolved), channels
        return op("Gemm", op("Flatten", op("GlobalAveragePool", x)), weight(before, 1000), weight(1000))

    def dense(x, width, out):
        return op("Add", op("MatMul", x, weight(width, out)), weight(out))

    def by_head(x, width, perm):
        return op("Transpose", op("Reshape", x, constant([0, -1, width // HEAD, HEAD])), perm=perm)

    def transformer(blocks, width):
        x = "x"
        for _ in range(blocks):
            projected = dense(op("LayerNormalization", x, weight(width), weight(width)), width, 3 * width)
            query, key, value = op("Split", projected, outputs=3, axis=-1)
            key = by_head(key, width, [0, 2, 3, 1])
            query, value = (by_head(each, width, [0, 2, 1, 3]) for each in (query, value))
            scores = op("Mul", op("MatMul", query, key), constant(np.float32(HEAD**-0.5)))
            attended = op("Transpose", op("MatMul", op("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])
            x = op("Add", x, dense(op("Reshape", attended, constant([0, -1, width])), width, width))
            wide = dense(op("LayerNormalization", x, weight(width), weight(width)), width, WIDE * width)
            x = op("Add", x, dense(op("Relu", wide), WIDE * width, width))
        return x

    shape = [1, LENGTH, TRANSFORMERS[name][1]] if name in TRANSFORMERS else [1, 3, 224, 224]
    output = transformer(*TRANSFORMERS[name]) if name in TRANSFORMERS else convolutional()
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [onnx.ValueInfoProto(name=output)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(
        model, Path(folder, "model.onnx"), save_as_external_data=name == "transformer_1gb", location="weights.bin"
    )
    np.savez(Path(folder, "samples.npz"), x=random.standard_normal(shape, "float32"))


def run(folder):
    """Import onnxruntime, and run a model once, on one thread as `adapt` does."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(Path(folder, "model.onnx")), options)
    session.run(None, dict(np.load(Path(folder, "samples.npz"))))


def adapt(folder, out):
    from onnx_adapt import adapt
    from stagekit.request import Request

    beside = Path(folder, "weights.bin").exists()
    parameters = {"inputs": [], "seed": 0, "open_batch": False, "dequantize": False}
    message = {
        "id": 0,
        "operation": "adapt",
        "parameters": parameters | {"from_tensors": [], "to_tensors": []},
        "inputs": {"model": "" if beside else "model.onnx", "samples": "samples.npz"},
        "outputs": {"adapted": "adapted.onnx", "samples": "samples.npz", "outputs": "outputs.npz"},
    }
    adapt.adapt(Request(message, folder, out))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    # What frameworks print is not the answer.
    with contextlib.redirect_stdout(sys.stderr):
        {"make": make, "run": run, "adapt": adapt}[command](*arguments)
    print(time.perf_counter() - STARTED, time.process_time())
