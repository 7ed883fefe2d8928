"""Stage program of `make sweep`, in the images of the runtimes: run .tflite files as anyone would, by position."""

from pathlib import Path

import numpy as np

from stagekit import arrays

try:
    from tflite_run.infer import VERSIONS, Interpreter
except ImportError:
    import tensorflow as tf

    Interpreter = tf.lite.Interpreter
    VERSIONS = ("tensorflow-cpu", "numpy")


def run(request):
    """Run a file on each of its samples.

    Parameters: ``model``, the file; ``samples``, .npz files of its inputs in their order; ``folder``, where the outputs
    go under the same names, as arrays "0", "1" and so on: numbers that quantized integers stand for. Returns {"inputs",
    "outputs": the names of the file's tensors in their order, "signature": {"inputs", "outputs"}, by the name in it
    the place among the file's (-1: none), or None; "refusal": the runtime's words if it can't run the file, or ""}.
    """
    interpreter = Interpreter(model_path=request.parameters["model"])
    fed, made = interpreter.get_input_details(), interpreter.get_output_details()
    found = {
        "inputs": [detail["name"] for detail in fed],
        "outputs": [detail["name"] for detail in made],
        "signature": _signature(interpreter, fed, made),
        "refusal": "",
    }
    folder = Path(request.parameters["folder"])
    folder.mkdir(parents=True)
    try:
        for path in map(Path, request.parameters["samples"]):
            outputs = _invoked(interpreter, list(arrays.read(path).values()))
            arrays.write(folder / path.name, {str(at): array for at, array in enumerate(outputs)})
    except (RuntimeError, ValueError) as error:
        found["refusal"] = " ".join(str(error).split())
    return found


def _invoked(interpreter, samples):
    details = interpreter.get_input_details()
    for detail, sample in zip(details, samples):
        if tuple(detail["shape"]) != sample.shape:
            interpreter.resize_tensor_input(detail["index"], sample.shape, strict=True)
    interpreter.allocate_tensors()
    for detail, sample in zip(details, samples):
        interpreter.set_tensor(detail["index"], _quantized(sample, detail))
    interpreter.invoke()
    return [_real(interpreter.get_tensor(detail["index"]), detail) for detail in interpreter.get_output_details()]


def _quantized(array, detail):
    scale, zero_point = detail["quantization"]
    if not scale or array.dtype.kind != "f" or detail["dtype"] is np.float32:
        return array
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.round(array / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def _real(array, detail):
    scale, zero_point = detail["quantization"]
    return (array.astype(np.float64) - zero_point) * scale if scale and array.dtype.kind in "iu" else array


def _signature(interpreter, fed, made):
    signatures = getattr(interpreter, "_get_full_signature_list", dict)()
    if not signatures:
        return None
    (signature,) = signatures.values()
    places = [(detail["index"] for detail in details) for details in (fed, made)]
    at = [{index: place for place, index in enumerate(indices)} for indices in places]
    return {
        side: {name: places.get(index, -1) for name, index in signature[side].items()}
        for side, places in zip(("inputs", "outputs"), at)
    }


OPERATIONS = {"run": run}
