"""Stage program of the onnx image: check and simplify a model, run it, put it in words."""

from stagekit import arrays, evaluation, profiles
from stagekit import samples as samples_of_request

from . import marks, model_file, node_outputs, onnxruntime_session, simplify

VERSIONS = ("onnx", "onnxruntime", "numpy")


def check(request):
    """Check a model, and simplify it.

    Parameters: ``inputs``, [{name, shape, dtype}] or [] for the graph's own; ``seed`` of the samples made when the
    request brings none; ``batch`` (optional), another size of the batch of the inputs ``batched``, as
    `samples.of_batch` has them, for which samples are made. Roles in: model, samples (optional). Roles out: simplified
    (.onnx), samples; profiles (optional) as `stagekit.profiles` makes them. Sizes that the model leaves open are fixed
    in the simplified one, so that computed shapes become constants.

    Returns {inputs, outputs, opset, operators, index_bounds, modules}, the last two as `model_file` has them; raises
    StageError of kind ``model`` for what onnx or onnxruntime refuse.
    """
    model, _ = model_file.light(request.inputs["model"])
    model_file.check(model)
    bounds = model_file.index_bounds(model)
    samples = samples_of_request.of(request, model_file.inputs(model), bounds)
    if "batch" in request.parameters:
        batch, batched, seed = (request.parameters[name] for name in ("batch", "batched", "seed"))
        samples_of_request.check_open_batch(model_file.inputs(model), batched)
        samples = samples_of_request.of_batch(samples, batch, batched, seed, bounds)
    session, simplified = simplify.simplified(request.inputs["model"], samples, request.outputs["simplified"])
    _SESSIONS.clear()
    _SESSIONS[_key(request, samples)] = session
    profiles.of(request, samples, bounds)
    arrays.write(request.outputs["samples"], samples)
    # What the model itself does not say of its outputs, it takes a run to know.
    described = model_file.described(simplified) or arrays.describe(onnxruntime_session.run(session, samples))
    return {
        "inputs": arrays.describe(samples),
        "outputs": described,
        "opset": model_file.opset(model),
        "operators": model_file.operators(model),
        "index_bounds": bounds,
        "modules": model_file.modules(model),
    }


def compute(request):
    """Run a model that was checked, and put it in words, while others go on with what `check` made.

    Roles in: model, samples as `check` made them; profiles and evaluation (optional). Roles out: outputs; graph (text,
    optional); profiled and evaluated, as `stagekit.profiles` and `stagekit.evaluation` have them. Returns {}; errors as
    those of `check`.
    """
    samples = arrays.read(request.inputs["samples"])
    session = _SESSIONS.pop(_key(request, samples), None) or simplify.session(request.inputs["model"], samples)

    def run(sample):
        return onnxruntime_session.run(session, sample)

    outputs, seconds = profiles.timed(run, samples)
    profiles.each(request, samples, run, seconds)
    evaluation.each(request, run)
    arrays.write(request.outputs["outputs"], outputs)
    if "graph" in request.outputs:
        model, _ = model_file.light(request.inputs["model"])
        request.outputs["graph"].write_text(model_file.words(model), encoding="utf-8")
    return {}


def run(request):
    """Run a model on samples. Roles in: model, samples. Roles out: outputs. Returns {outputs}."""
    model = model_file.read(request.inputs["model"])
    model_file.check(model)
    samples = arrays.matching(arrays.read(request.inputs["samples"]), model_file.inputs(model))
    outputs = onnxruntime_session.run(onnxruntime_session.session(model_file.closed(model, samples)), samples)
    arrays.write(request.outputs["outputs"], outputs)
    return {"outputs": arrays.describe(outputs)}


def inspect(request):
    """Put a model in words. Roles in: model. Roles out: text."""
    text = model_file.words(model_file.read(request.inputs["model"]), by_operator=True)
    request.outputs["text"].write_text(text, encoding="utf-8")
    return {}


def trace(request):
    """Run the simplified model on samples and keep the floats that its nodes compute.

    Roles in: model, samples; marked (optional), the same model with values of other names. Roles out: values (.npz), by
    ONNX's names. Returns {nodes} as `node_outputs.computed` has them, {marks} as `marks.of` has them.
    """
    model = model_file.read(request.inputs["model"])
    model_file.check(model)
    samples = arrays.matching(arrays.read(request.inputs["samples"]), model_file.inputs(model))
    nodes, found = node_outputs.computed(request.inputs["model"], samples)
    arrays.write(request.outputs["values"], found)
    marked = request.inputs.get("marked")
    return {"nodes": nodes, "marks": marks.of(model, model_file.read(marked)) if marked else {}}


# The session of the last model, by its file and the shapes of its samples: it takes longer to open than to run.
_SESSIONS = {}


def _key(request, samples):
    return request.inputs["model"], tuple(array.shape for array in samples.values())


OPERATIONS = {"check": check, "compute": compute, "run": run, "inspect": inspect, "trace": trace}
