"""Stage program of the image of today's ONNX: run a model as it is, and write it at opset 13."""

from stagekit import arrays, evaluation, profiles
from stagekit import samples as samples_of_request

from . import (
    cutting,
    dequantized,
    description,
    domains,
    functions,
    integer_inputs,
    model_writing,
    opset_13,
    reference,
    source_model,
)

VERSIONS = ("onnx", "onnxruntime", "onnx-ir", "numpy")


def adapt(request):
    """Run a model of any opset on samples, and write it at opset 13 and IR version 7.

    Parameters: ``inputs``, [{name, shape, dtype}] or [] for the graph's own; ``seed`` of the samples made when the
    request brings none; ``batch`` (optional), another size of the batch of the inputs ``batched``, as
    `samples.of_batch` has them, for which samples are made; ``from_tensors`` and ``to_tensors``, names between which a
    part of the model is taken; ``dequantize``, whether what rounds its numbers is taken out before it is run. Roles in:
    model (a file, or a folder of model.onnx and the files that it keeps tensors in), samples (optional). Roles out:
    adapted (.onnx), samples, outputs; profiles and profiled (optional) as `stagekit.profiles` has them. Sizes that the
    model leaves open are fixed in the adapted one.

    Returns {inputs, outputs, runtime, opset, ir_version, modules, warnings}, opset and version those of the file,
    modules as `source_model.modules` has them; raises
    StageError of kind ``model`` for what can't be run, or can't be said at opset 13.
    """
    parameters = request.parameters
    model = source_model.read(request.inputs["model"])
    source_model.check(model)
    said = {"opset": source_model.opset(model), "ir_version": model.ir_version}
    said["modules"] = source_model.modules(model)
    cutting.cut(model, *(parameters[name] for name in ("from_tensors", "to_tensors", "inputs")))
    functions.inline(model)
    domains.check(model)
    bounds = integer_inputs.bounds(model)
    samples = samples_of_request.of(request, source_model.inputs(model), bounds)
    if "batch" in parameters:
        batch, batched, seed = (parameters[name] for name in ("batch", "batched", "seed"))
        samples_of_request.check_open_batch(source_model.inputs(model), batched)
        samples = samples_of_request.of_batch(samples, batch, batched, seed, bounds)
    source_model.close(model, samples)
    if parameters["dequantize"]:
        dequantized.activations(opset_13.lower(model))
    is_changed = any(parameters[name] for name in ("from_tensors", "to_tensors", "dequantize"))
    ran = reference.of(model, None if is_changed else source_model.file(request.inputs["model"]))
    outputs, seconds = profiles.timed(ran.run, samples)
    profiles.each(request, samples, ran.run, seconds, bounds)
    evaluation.each(request, ran.run)
    arrays.write(request.outputs["samples"], samples)
    arrays.write(request.outputs["outputs"], outputs)
    model_writing.write(opset_13.lower(model), request.outputs["adapted"])
    described = {"inputs": arrays.describe(samples), "outputs": arrays.describe(outputs)}
    return {**described, **said, "runtime": ran.name, "warnings": ran.warnings}


def run(request):
    """Run a model as it is on samples. Roles in: model, samples. Roles out: outputs. Returns {outputs}."""
    model = source_model.read(request.inputs["model"])
    source_model.check(model)
    samples = arrays.matching(arrays.read(request.inputs["samples"]), source_model.inputs(model))
    outputs = reference.of(model, source_model.file(request.inputs["model"])).run(samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"outputs": arrays.describe(outputs)}


def inspect(request):
    """Put a model in words. Roles in: model. Roles out: text."""
    text = description.words(source_model.read(request.inputs["model"]))
    request.outputs["text"].write_text(text, encoding="utf-8")
    return {}


OPERATIONS = {"adapt": adapt, "run": run, "inspect": inspect}
