"""Stage program of the tensorflow image: SavedModel to TFLite; adopt, run and describe a SavedModel."""

import json
import os

# TensorFlow reads it when it is imported: below errors it has nothing to say about a model.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from stagekit import StageError, arrays, evaluation, interpreter, layouts, profiles, runtime_package
from stagekit import samples as samples_of_request

from . import (
    conversion,
    cost,
    file_tables,
    joining,
    operator_list,
    operator_outputs,
    ops,
    quantized_file,
    saved_model,
    signature,
    variants,
)
from .saved_model import SavedModel

PACKAGE = "tensorflow-cpu"
VERSIONS = (PACKAGE, "numpy")
# The lowering whose files are those of the recipe done by hand, to the last byte.
AS_WRITTEN = "stock"
tf.get_logger().setLevel("ERROR")


def convert(request):
    """Convert a SavedModel to one variant of TFLite file.

    Parameters: ``variant``; ``lowering``, that of translate; ``ops``, one of `ops.CHOICES`; ``inputs`` and ``outputs``,
    [{name, key, shape, dtype, layout}] as translate or adopt returned them; ``integer_io``, int8 or uint8, for
    int8-only; ``quantized``, whether the model has integers of its own: what the file can't have of them is then told;
    ``has`` (optional), what the runtimes of the target have beyond TensorFlow 2.4, as `passes.Known` has it;
    ``quantization`` (optional), `post_training_quantization.Method` by its fields, for variants that are calibrated.
    Roles in: saved_model; for the variants of integers calibration, an .npz of arrays [samples, *shape of the input in
    PyTorch's layout], unless the model has ranges. Roles out: model (.tflite), with a signature of the parameters'
    names unless the lowering is stock; operators (optional), a JSON of what `operator_list.of` says. Returns {inputs,
    outputs}, [{name, tensor, shape, dtype, layout, scale, zero_point}] in the order of the parameters, ``tensor`` being
    the name in the file; {select_tf}, the names of the Select-TF operators; {quantization}, as
    `quantized_file.File.summary` says, with {cut}, as `variants.cut` says; {macs} and {parameters}, as `cost.of` says;
    {warnings} and {notes}, as `variants.doubts` and `variants.notes` say. Raises a StageError of kind ``model``
    that names the operators which the converter refuses, or the tensors that integers have no steps for.
    """
    variant, inputs, outputs = (request.parameters[name] for name in ("variant", "inputs", "outputs"))
    if variant not in variants.VARIANTS:
        there = ", ".join(variants.VARIANTS)
        raise StageError("usage", "there is no variant {!r}, there are {}".format(variant, there))
    as_written = request.parameters["lowering"] == AS_WRITTEN
    tensors_of_model = json.dumps([inputs, outputs])
    folder, choice = request.inputs["saved_model"], request.parameters["ops"]
    has = () if as_written else tuple(request.parameters.get("has", ()))
    converted = conversion.opened(folder, choice, as_written, tensors_of_model, has)
    content = variants.made(variant, converted, request)
    quantized_file.File(content).refuse_endless()
    doubts = variants.doubts(variant, converted, request, content)
    content, fed, made = variants.finished(variant, converted, content)
    file = quantized_file.File(content)
    with request.outputs["model"].open("wb") as written:
        written.writelines([b"" if as_written else signature.head(content, fed, made), content])
    if "operators" in request.outputs:
        request.outputs["operators"].write_text(json.dumps(operator_list.of(file), separators=(",", ":")))
    return {
        "inputs": _mapped(inputs, fed, file),
        "outputs": _mapped(outputs, made, file),
        "select_tf": ops.select_tf(file),
        "quantization": dict(file.summary(), cut=variants.cut(converted, request)),
        **cost.of(file),
        "warnings": doubts,
        "notes": variants.notes(converted, request),
    }


def join(request):
    """Put .tflite files that `convert` wrote into one, in which each is a signature.

    Parameters: ``signatures``, their names in order. Roles in: a .tflite file under each of the names. Roles out: model
    (.tflite). Returns {graphs}, by the names: the first of a signature's graphs and the one after the last; {notes}, a
    line on the constants that the file has once and the signatures have in common.
    """
    names = request.parameters["signatures"]
    joined = joining.Joined({name: interpreter.content(request.inputs[name]) for name in names})
    request.outputs["model"].write_bytes(joined.content)
    shared = "{} has {:,} bytes of constants once that its signatures have in common"
    notes = [shared.format(request.outputs["model"].name, joined.saved)] if joined.saved else []
    return {"graphs": joined.graphs, "notes": notes}


def adopt(request):
    """Take in a SavedModel that the user brought: run it on samples, and name its inputs and outputs.

    Parameters: ``inputs``, [{name, shape, dtype}] in the user's order, or [] for the signature's own in the order of
    their names; ``seed``. Roles in: saved_model, samples (optional). Roles out: samples, outputs; profiles and profiled
    (optional) as `stagekit.profiles` has them. Returns {inputs, outputs}, [{name, key, shape, dtype}].
    """
    model = SavedModel(request.inputs["saved_model"])
    order = [entry["name"] for entry in request.parameters["inputs"]]
    specs = sorted(
        model.input_specs(), key=lambda spec: order.index(spec["name"]) if spec["name"] in order else len(order)
    )
    samples = samples_of_request.of(request, specs)
    with model.loaded() as run:
        outputs, seconds = profiles.timed(run, samples)
        profiles.each(request, samples, run, seconds)
    arrays.write(request.outputs["samples"], samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"inputs": _keyed(samples), "outputs": _keyed(outputs)}


def run(request):
    """Run a SavedModel on samples. Roles in: model, samples. Roles out: outputs. Returns {outputs}."""
    model = SavedModel(request.inputs["model"])
    samples = arrays.matching(arrays.read(request.inputs["samples"]), model.input_specs())
    outputs = model.run(samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"outputs": arrays.describe(outputs)}


def evaluate(request):
    """Run a SavedModel as `stagekit.evaluation.each` says. Parameters: ``inputs`` and ``outputs`` as for `convert`.

    Roles in: model, evaluation. Roles out: evaluated. Returns {}.
    """
    fed, made = (request.parameters[name] for name in ("inputs", "outputs"))
    with SavedModel(request.inputs["model"]).loaded() as run:

        def run_named(sample):
            sample = layouts.fed(sample, fed)
            found = run({entry["key"]: sample[entry["name"]] for entry in fed})
            return layouts.read({entry["name"]: found[entry["key"]] for entry in made}, made)

        evaluation.each(request, run_named)
    return {}


def infer(request):
    """Run a .tflite file in TensorFlow's own interpreter, as `stagekit.interpreter.infer` says, with ``ops`` added.

    That of 2.4.1 has Select-TF operators and no XNNPACK: its times are those of TFLite's plain kernels.
    """
    content = interpreter.content(request.inputs["model"])
    inferred = interpreter.infer(tf.lite.Interpreter, request, *signature.signed(content))
    return dict(inferred, ops=ops.counted(file_tables.File(content), interpreter.graphs(request)))


def time(request):
    """Time a .tflite file, as `stagekit.interpreter.timed` says."""
    signed_inputs, _ = signature.signed(interpreter.content(request.inputs["model"]))
    return interpreter.timed(tf.lite.Interpreter, request, signed_inputs)


def trace(request):
    """Run a SavedModel or a .tflite file on samples and keep what is computed on the way, as float numbers.

    Parameters: ``inputs``, [{name, tensor, layout}] as `convert` returned them. Roles in: model, samples. Roles out:
    values, an .npz of arrays "0", "1" and so on in an order of computing. Returns {names}, those of the arrays in the
    model.
    """
    model, inputs = request.inputs["model"], request.parameters["inputs"]
    samples = layouts.fed(arrays.read(request.inputs["samples"]), inputs)
    if model.is_dir():
        found = SavedModel(model).trace(samples)
    else:
        found = operator_outputs.trace(interpreter.content(model), inputs, samples)
    arrays.write(request.outputs["values"], {str(at): array for at, (_, array) in enumerate(found)})
    return {"names": [name for name, _ in found]}


def ranges(request):
    """Roles in: model (.tflite). Returns {ranges}, as `quantized_file.File.ranges` has them."""
    content = interpreter.content(request.inputs["model"])
    named = {index: name for side in signature.signed(content) for name, index in side}
    return {"ranges": quantized_file.File(content).ranges(named)}


def inspect(request):
    """Put a SavedModel in words. Roles in: model. Roles out: text."""
    request.outputs["text"].write_text(saved_model.words(request.inputs["model"]), encoding="utf-8")
    return {}


def measure(_):
    """The size of this runtime, as `stagekit.runtime_package.measured` says."""
    return runtime_package.measured(PACKAGE)


def _mapped(entries, details, file):
    """The user's list with the file's tensors; the dtype is the file's, which a quantized variant may have changed."""
    mapped = []
    for entry in entries:
        detail = details[entry["name"]]
        scale, zero_point = file.step(detail["index"]) or (None, None)
        mapped.append(
            {
                "name": entry["name"],
                "tensor": detail["name"],
                "shape": entry["shape"],
                "dtype": np.dtype(detail["dtype"]).name,
                "layout": entry.get("layout", layouts.NCHW),
                "scale": scale,
                "zero_point": zero_point,
            }
        )
    return mapped


def _keyed(values):
    return [dict(entry, key=entry["name"]) for entry in arrays.describe(values)]


OPERATIONS = {
    "convert": convert,
    "join": join,
    "adopt": adopt,
    "run": run,
    "evaluate": evaluate,
    "infer": infer,
    "time": time,
    "ranges": ranges,
    "trace": trace,
    "inspect": inspect,
    "measure": measure,
}
