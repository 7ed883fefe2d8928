"""Stage program of the torch image: a PyTorch model to ONNX, and what PyTorch computes with it."""

from importlib.util import find_spec

import torch
from torch import nn

from stagekit import StageError, arrays, evaluation, profiles, samples

from . import (
    arguments,
    autograd_functions,
    checkpoint,
    compatibility,
    embedding_bounds,
    module_values,
    onnx_export,
    outputs,
    preprocessing,
    python_source,
    random_draws,
    seeding,
    state_dict,
    training,
)
from .quantization_aware_training import FakeQuantized
from .user_code import UserCode

OF_ANY_BATCH = (
    "--dynamic-batch wants a model that takes batches of any size, the first dimension of every input; "
    "--dynamic NAME.0=batch, once for each, says which inputs have it"
)
OWN_EVAL = "pinlite calls eval() first, and torch's own calls train(False): give functions of yours other names"
# What of these an image has.
VERSIONS = tuple(name for name in ("torch", "torchvision", "onnx", "onnxscript", "numpy") if find_spec(name))


def export(request):
    """Load a model, run it on samples, export it.

    Parameters: ``source``, {"kind": "python", "module", "callable"} or {"kind": "checkpoint"}; ``inputs``, [{name,
    shape, dtype}] in the order of the call, or [] for the samples' own; ``fixed``, as `arguments.of` takes it;
    ``preprocessing``, as `preprocessing.prepared` takes it; ``output_names``, [] for names of its own;
    ``weights_key``, as `state_dict.load` takes it; ``seed``; ``opset``; ``batches``, other sizes of the batch to export
    the model for; ``training``, None or what `training.apply` takes.
    Roles in: source (a folder of modules, or a checkpoint), weights (optional), samples (optional), functions and data
    (optional, for the training), evaluation (optional). Roles out: model (.onnx), samples, outputs, and these for each
    of the batches (model.5, samples.5, outputs.5); profiles and profiled (optional) as `stagekit.profiles` has them;
    evaluated as `stagekit.evaluation.each` says. Returns {inputs, outputs, training, exporter, modules, warnings,
    notes}: which of torch's exporters wrote the model, "" where it has but one; of which modules ONNX nodes are, {name:
    [names of modules]} by the names of nodes and outputs, as far as that is known; lines on what may be wrong for other
    inputs, and on what was chosen. Raises StageError of kind ``usage`` for a model that can't be loaded or run,
    ``model`` for one that can't be exported.
    """
    parameters = request.parameters
    model, fed, bounds, steps, code, hint, notes = _prepared(request)
    with torch.no_grad():
        computed, seconds, exporter, modules, doubts = _export(request, model, fed, code, hint)
        for batch in parameters["batches"]:
            wider = samples.of_batch(fed, batch, parameters["batched"], parameters["seed"], bounds)
            doubts += _export(request, model, wider, code, OF_ANY_BATCH, ".{}".format(batch))[-1]

        def run(sample):
            ordered = arrays.matching(sample, arrays.describe(fed))
            return _named(computed, outputs.flatten(_answer(model, _tensors(ordered), code, hint)))

        profiles.each(request, fed, run, seconds, bounds)
        evaluation.each(request, run)
    return {
        "inputs": arrays.describe(fed),
        "outputs": arrays.describe(computed),
        "training": steps,
        "exporter": exporter,
        "modules": _own(modules, model),
        "warnings": list(dict.fromkeys(doubts)),
        "notes": notes,
    }


def trace(request):
    """Export a model once more, and keep what its modules compute on the way.

    Parameters and roles in: as for `export`, without batches and evaluation. Roles out: model (.onnx), in which the
    values of modules are called `module_values.MARK` with their number; values, an .npz of arrays "0", "1" and so on.
    Returns {modules}, the modules' names by number; "" is the model itself.
    """
    model, fed, _, _, code, hint, _ = _prepared(request)
    if isinstance(model, torch.jit.ScriptModule):
        message = "a TorchScript file shows nothing of its modules"
        raise StageError("usage", message, "give the code that builds the model, and its weights with --weights")
    with torch.no_grad():
        leaves = outputs.flatten(_answer(model, _tensors(fed), code, hint))
        with module_values.marked(_inner(model)) as found:
            path, opset = request.outputs["model"], request.parameters["opset"]
            onnx_export.export(model, _tensors(fed), leaves, [], opset, path, code)
    arrays.write(request.outputs["values"], {str(at): array for at, (_, array) in enumerate(found)})
    return {"modules": [name for name, _ in found]}


def _prepared(request):
    """(model, samples by input name, bounds of their integers, training steps, `UserCode`, hint for a model that fails
    on its inputs, notes). The model is trained where that is asked for.
    """
    compatibility.check()
    parameters = request.parameters
    seeding.seed(parameters["seed"])
    autograd_functions.trace_forwards()
    code = UserCode(*_folders(request))
    loaded, notes = _model(request, code)
    # Outputs are kept by their bytes: how many cores a machine has must not decide in which order torch adds.
    torch.set_num_threads(1)
    hint = _how_to_call(loaded)
    steps_of_pixels = parameters["preprocessing"]
    bounds = {step["name"]: preprocessing.LARGEST + 1 for step in steps_of_pixels}
    fed = _samples(request, loaded, bounds)
    names, model = arguments.of(loaded, list(fed), parameters["fixed"])
    with torch.no_grad():
        taken = preprocessing.prepared({name: _tensors(fed)[name] for name in names}, steps_of_pixels)
        found = embedding_bounds.of(model, taken, lambda tensors: _answer(model, tensors, code, hint))
    bounds = {**found, **bounds}
    fed = _samples(request, loaded, bounds)
    fed = {name: fed[name] for name in names}
    steps = []
    if parameters["training"]:
        if isinstance(model, arguments.Called):
            message = "a model is trained by its inputs' positions, not by name or with --fix"
            raise StageError("usage", message, "give its inputs in the order of forward, and none in a dict")
        with torch.no_grad():
            taken = preprocessing.prepared(_tensors(fed), steps_of_pixels)
            _answer(model, taken, code, hint)
        model, steps, told = training.apply(model, taken, request, code)
        notes += told
    if steps_of_pixels:
        model = preprocessing.OfPixels(model, names, steps_of_pixels)
    return model, fed, bounds, steps, code, hint, notes


def _inner(model):
    """The model itself, of one that pinlite has put others around."""
    while isinstance(model, (FakeQuantized, arguments.Called, preprocessing.OfPixels)):
        model = model.model
    return model


def _own(modules, model):
    """What is of modules of the user's model, by their names in it, of {name: [names of modules as exported]}."""
    path = next(name for name, module in model.named_modules() if module is _inner(model))
    around = len("model." + path + bool(path) * ".")
    own = {name: list(filter(None, (each[around:] for each in of))) for name, of in modules.items()}
    return {name: of for name, of in own.items() if of}


def _export(request, model, fed, code, hint, suffix=""):
    """Write the model and its outputs for these samples, to roles with a suffix; return the outputs, the seconds that
    they took, the exporter, the modules of its nodes, and its warnings.

    ``hint`` is for a model that fails on them.
    """
    parameters = request.parameters

    def run(sample):
        return random_draws.decided(lambda: outputs.flatten(_answer(model, _tensors(sample), code, hint)), model, code)

    leaves, seconds = profiles.timed(run, fed)
    _check_evaluated(model)
    names = outputs.named(leaves, parameters["output_names"], list(fed))
    path = request.outputs["model" + suffix]
    wanted = leaves, names, parameters["opset"], path, code
    exporter, modules, doubts = onnx_export.export(model, _tensors(fed), *wanted)
    computed = _named(names, leaves)
    arrays.write(request.outputs["samples" + suffix], fed)
    arrays.write(request.outputs["outputs" + suffix], computed)
    return computed, seconds, exporter, modules, doubts


def _check_evaluated(model):
    """Refuse a model that computes with statistics of its samples, which the exporter does not do."""
    for name, module in _inner(model).named_modules():
        if module.training and isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the base of all
            message = "{} ({}) is in training mode when the model runs".format(type(module).__name__, name)
            raise StageError("model", message, random_draws.IN_EVALUATION)


def _samples(request, model, bounds=None):
    """The samples by input name, in the order of the model's call: a program of torch.export knows its inputs."""
    inputs = request.parameters["inputs"] or getattr(model, "inputs", [])
    if inputs:
        specs = preprocessing.described(inputs, request.parameters["preprocessing"])
        if "samples" in request.inputs:
            return arrays.matching(arrays.read(request.inputs["samples"]), specs)
        return arrays.seeded(specs, request.parameters["seed"], bounds)
    fed = arrays.read(request.inputs["samples"]) if "samples" in request.inputs else {}
    if not fed:
        raise StageError("usage", "nobody says what the model's inputs are", _how_to_call(model))
    return fed


def _folders(request):
    """Where the user's modules lie."""
    roles = ["source"] if request.parameters["source"]["kind"] == "python" else []
    return [request.inputs[role] for role in [*roles, "functions"] if role in request.inputs]


def _model(request, code):
    """The model with its weights, and notes on these."""
    source = request.parameters["source"]
    if "functions" in request.inputs:
        python_source.show(request.inputs["functions"])
    if source["kind"] == "python":
        model = python_source.load(request.inputs["source"], source["module"], source["callable"], code)
    else:
        model = checkpoint.load(request.inputs["source"])
    # The exporter takes no DataParallel, which does nothing on one processor.
    if isinstance(model, nn.DataParallel):
        model = model.module
    notes = []
    if "weights" in request.inputs:
        notes.append(state_dict.load(model, request.inputs["weights"], request.parameters["weights_key"]))
    with code.blamed("model.eval() fails", OWN_EVAL):
        model.eval()
    return model, list(filter(None, notes))


def _tensors(fed):
    """Tensors with memory of their own, which a model may change in place."""
    try:
        return {name: torch.from_numpy(array.copy()) for name, array in fed.items()}
    except (TypeError, ValueError) as error:
        raise StageError("usage", "torch has no such samples: {}".format(error)) from error


def _answer(model, tensors, code, hint):
    shapes = ", ".join(
        "{}: {} of {}".format(spec["name"], spec["shape"], spec["dtype"])
        for spec in arrays.describe({name: tensor.numpy() for name, tensor in tensors.items()})
    )
    with code.blamed("the model fails on its inputs ({})".format(shapes), hint):
        return model(*tensors.values())


def _named(names, leaves):
    """The arrays of what `outputs.flatten` found. Copies: a model may hand out one tensor again."""
    return {name: tensor.detach().numpy().copy() for name, (_, tensor) in zip(names, leaves)}


def _how_to_call(model):
    how = "give each input, by its name there or in the order of the call: --input NAME=1x3x224x224[:DTYPE]"
    keys = ["--input {}=SHAPE".format(name) for name in arguments.keys(model)]
    if keys:
        how = "of a dict each key is an input of its own: {}".format(" ".join(keys))
    return "forward takes {}; {}".format(arguments.taken(model), how)


OPERATIONS = {"export": export, "trace": trace}
