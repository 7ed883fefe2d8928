"""Stage program of the onnx-tf image: ONNX to a TensorFlow SavedModel, and TensorFlow's outputs for the samples."""

import contextlib
import importlib
import importlib.util
import logging

import onnx
from onnx_tf import common

from stagekit import StageError, arrays

from . import stock

VERSIONS = ("onnx", "onnx-tf", "tensorflow-cpu", "tensorflow-addons", "numpy", "protobuf")

# The nhwc lowering is written for one version of onnx-tf: an image of another does not carry its package.
nhwc = importlib.import_module("onnx_nhwc.lowering") if importlib.util.find_spec("onnx_nhwc") else None
LOWERINGS = {"stock": stock.lower} if nhwc is None else {"nhwc": nhwc.lower, "stock": stock.lower}


def translate(request):
    """Lower the model, run it on the samples and name its tensors.

    Parameters: ``lowering``, and what else the lowering's own ``lower`` takes. Roles in: model, samples. Roles out:
    saved_model, outputs.

    With ``batches``, two sizes, the batch is left open. Roles in: samples, and a model and samples for each of the
    sizes (model.5, samples.5). Roles out: saved_model, outputs, and outputs for the first size.

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
        return dict(lowered(request, settings, LOWERINGS[lowering]), warnings=warnings)


def _of_one_size(request, settings, lower):
    model = onnx.load(str(request.inputs["model"]))
    samples = arrays.read(request.inputs["samples"])
    inputs, outputs, values = lower(model, samples, request.outputs["saved_model"], **settings)
    arrays.write(request.outputs["outputs"], values)
    return {"inputs": inputs, "outputs": outputs}


def _with_open_batch(request, settings, _):
    sizes = settings.pop("batches")
    models = [onnx.load(str(request.inputs["model.{}".format(size)])) for size in sizes]
    samples = [arrays.read(request.inputs["samples.{}".format(size)]) for size in sizes]
    lowered = nhwc.lower_open(models, samples, sizes, request.outputs["saved_model"], **settings)
    arrays.write(request.outputs["outputs"], lowered.run(arrays.read(request.inputs["samples"])))
    arrays.write(request.outputs["outputs.{}".format(sizes[0])], lowered.run(samples[0]))
    return {"inputs": lowered.inputs, "outputs": lowered.outputs}


@contextlib.contextmanager
def _warnings():
    """While this context is entered, what onnx-tf warns of is gathered: operators that it translates in part."""
    found = []
    gatherer = logging.Handler(logging.WARNING)
    gatherer.emit = lambda record: found.append("onnx-tf says: {}".format(record.getMessage()))
    common.logger.addHandler(gatherer)
    try:
        yield found
    finally:
        common.logger.removeHandler(gatherer)


OPERATIONS = {"translate": translate}
