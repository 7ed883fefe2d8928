"""Stage program of the onnx-tf image: ONNX to a TensorFlow SavedModel, and what TensorFlow computes with it."""

import contextlib
import importlib
import importlib.util
import logging

import onnx

from stagekit import StageError, arrays, layouts, tensorflow_imports

from . import running

VERSIONS = ("onnx", "onnx-tf", "tensorflow-cpu", "tensorflow-addons", "numpy", "protobuf")

# The nhwc lowering is written for one version of onnx-tf: an image of another does not carry its package.
nhwc = importlib.import_module("onnx_nhwc.lowering") if importlib.util.find_spec("onnx_nhwc") else None


def _stock():
    """The module `stock`. Importing onnx-tf takes as long as importing TensorFlow does: only where it is needed."""
    tensorflow_imports.finish()
    return importlib.import_module(".stock", __package__)


LOWERINGS = {"nhwc": lambda: nhwc, "stock": _stock} if nhwc else {"stock": _stock}
if nhwc is None:
    _stock()


def translate(request):
    """Lower the model, and name its tensors.

    Parameters: ``lowering``, and what else the lowering's own ``lower`` takes. Roles in: model, samples, whose sizes
    become the model's. Roles out: saved_model.

    With ``batches``, two sizes, the batch is left open. Roles in: a model and samples for each of the sizes
    (simplified.5, samples.5).

    The result lists inputs and outputs in ONNX's order, each as {name, key, shape, dtype} and, of nhwc, ``layout``:
    ``key`` is its name in the SavedModel's serving_default signature; ``warnings`` are onnx-tf's own. A StageError of
    kind "model" names the operators that have no translation.
    """
    settings = dict(request.parameters)
    lowering = settings.pop("lowering")
    if lowering not in LOWERINGS:
        raise StageError(
            "usage", "there is no lowering {!r}".format(lowering), "choose one of " + ", ".join(sorted(LOWERINGS))
        )
    with _warnings() as warnings:
        lowered = _with_open_batch if "batches" in settings else _of_one_size
        return dict(lowered(request, settings, LOWERINGS[lowering]().lower), warnings=warnings)


def _of_one_size(request, settings, lower):
    model = onnx.load(str(request.inputs["model"]))
    samples = arrays.read(request.inputs["samples"])
    inputs, outputs = lower(model, samples, request.outputs["saved_model"], **settings)
    return {"inputs": inputs, "outputs": outputs}


def _with_open_batch(request, settings, _):
    sizes = settings.pop("batches")
    models = [onnx.load(str(request.inputs["simplified.{}".format(size)])) for size in sizes]
    samples = [arrays.read(request.inputs["samples.{}".format(size)]) for size in sizes]
    inputs, outputs = nhwc.lower_open(models, samples, sizes, request.outputs["saved_model"], **settings)
    return {"inputs": inputs, "outputs": outputs}


def compute(request):
    """Run a SavedModel that `translate` made, while others go on with it.

    Parameters: ``inputs`` and ``outputs`` as it answered them. Roles in: saved_model, and samples by any roles. Roles
    out: for each of them its outputs: the role with ``outputs`` in the place of ``samples``. Returns {}. A StageError
    of kind "model" says what TensorFlow can't run.
    """
    fed, made = (request.parameters[name] for name in ("inputs", "outputs"))
    with running.opened(request.inputs["saved_model"]) as run:
        for role in sorted(set(request.inputs) - {"saved_model"}):
            samples = layouts.fed(arrays.read(request.inputs[role]), fed)
            found = run({entry["key"]: samples[entry["name"]] for entry in fed})
            values = layouts.read({entry["name"]: found[entry["key"]] for entry in made}, made)
            arrays.write(request.outputs[role.replace("samples", "outputs")], values)
    return {}


@contextlib.contextmanager
def _warnings():
    """While this context is entered, what onnx-tf warns of is gathered: operators that it translates in part."""
    found = []
    gatherer = logging.Handler(logging.WARNING)
    gatherer.emit = lambda record: found.append("onnx-tf says: {}".format(record.getMessage()))
    logger = logging.getLogger("onnx-tf")
    logger.addHandler(gatherer)
    try:
        yield found
    finally:
        logger.removeHandler(gatherer)


OPERATIONS = {"translate": translate, "compute": compute}
