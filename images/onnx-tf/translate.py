"""ONNX to a TensorFlow SavedModel, and what TensorFlow makes of the samples."""

import nhwc
import onnx
import stock
from stagekit import StageError, arrays

VERSIONS = ("onnx", "onnx-tf", "tensorflow-cpu", "tensorflow-addons", "numpy", "protobuf")

LOWERINGS = {"nhwc": nhwc.lower, "stock": stock.lower}


def translate(request):
    """Lower the model, run it on the samples and name its tensors.

    Parameters: ``lowering``, and what else the lowering's own ``lower`` takes. Roles in: model, samples. Roles out:
    saved_model, outputs.

    With ``batches``, two sizes, the batch is left open. Roles in: samples, and a model and samples for each of the
    sizes (model.5, samples.5). Roles out: saved_model, outputs, and outputs for the first size.

    The result lists inputs and outputs in ONNX's order, each as {name, key, shape, dtype} and, of nhwc, ``layout``:
    ``key`` is its name in the SavedModel's serving_default signature. A StageError of kind "model" names the operators
    that have no translation.
    """
    settings = dict(request.parameters)
    lowering = settings.pop("lowering")
    if lowering not in LOWERINGS:
        raise StageError(
            "usage", "there is no lowering {!r}".format(lowering), "choose one of " + ", ".join(sorted(LOWERINGS))
        )
    if "batches" in settings:
        return _with_open_batch(request, settings)
    model = onnx.load(str(request.inputs["model"]))
    samples = arrays.read(request.inputs["samples"])
    inputs, outputs, values = LOWERINGS[lowering](model, samples, request.outputs["saved_model"], **settings)
    arrays.write(request.outputs["outputs"], values)
    return {"inputs": inputs, "outputs": outputs}


def _with_open_batch(request, settings):
    sizes = settings.pop("batches")
    models = [onnx.load(str(request.inputs["model.{}".format(size)])) for size in sizes]
    samples = [arrays.read(request.inputs["samples.{}".format(size)]) for size in sizes]
    lowered = nhwc.lower_open(models, samples, sizes, request.outputs["saved_model"], **settings)
    arrays.write(request.outputs["outputs"], lowered.run(arrays.read(request.inputs["samples"])))
    arrays.write(request.outputs["outputs.{}".format(sizes[0])], lowered.run(samples[0]))
    return {"inputs": lowered.inputs, "outputs": lowered.outputs}


OPERATIONS = {"translate": translate}
