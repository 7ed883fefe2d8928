"""The training-side techniques, one after the other, with the user's training in between."""

import contextlib
import gzip

import torch

from stagekit import StageError

from . import clustering, earlier_ranges, folding, layers, pruning, python_source
from .exporter import aids
from .finetuning import Trainer
from .quantization_aware_training import FakeQuantized

# The default of the program gzip.
GZIP_LEVEL = 6
NO_TORCHSCRIPT = "convert the code that builds the model, path/to/file.py:callable, and give its weights with --weights"

# How many ranges a note names.
MOST_NAMED = 10
WITH_WEIGHTS = "there must be convolutions, linear, recurrent or embedding layers with weights of their own"


def apply(model, fed, request, code):
    """Prune, cluster and train a model in place, as the parameter ``training`` asks.

    ``fed`` are the tensors that the model is run on, by the names of inputs. ``training`` is {"prune": share or None,
    "structured", "cluster": count or None, "finetune" and "qat": {"module", "callable"} or None, "ranges" (optional,
    for ``qat``): what `earlier_ranges.found` takes}; roles in: functions (a folder of modules), data (optional).
    Returns the model, which is fake-quantized after ``qat``, what each technique left, [{technique, size, gzip_size,
    sparsity, layers}], the first being ``none``, and notes. Raises a StageError of kind ``usage``
    for what the user's function does wrong, ``model`` for a model without weights that the techniques are for.
    """
    asked, inputs = request.parameters["training"], list(fed.values())
    if isinstance(model, torch.jit.ScriptModule):
        raise StageError("usage", "the weights of a TorchScript file can't be trained or changed", NO_TORCHSCRIPT)
    if asked["qat"] and not aids.EXPORTS_FAKE_QUANTIZED:
        message = "--qat: torch {} exports no model that is trained for int8".format(torch.__version__)
        raise StageError("usage", message, "train it with --toolchain classic, which does")
    if not layers.weights(model):
        raise StageError("model", "the model has no weights to prune, cluster or quantize", WITH_WEIGHTS)
    finetune, qat = (_trainer(asked[name], request, code) for name in ("finetune", "qat"))
    steps = [_described("none", model)]
    if asked["prune"]:
        _prune(model, inputs, asked, finetune)
        steps.append(_described("prune", model))
    if asked["cluster"] or asked["qat"]:
        folding.fold(model, inputs)
    if asked["cluster"]:
        with _clustered(model, asked["cluster"]):
            finetune(model)
        steps.append(_described("cluster", model))
    if asked["qat"]:
        earlier = earlier_ranges.NONE_EARLIER
        if "ranges" in asked:
            earlier = earlier_ranges.found(model, fed, asked["ranges"], request.parameters, code)
        # Zeros and shared values are kept in this training, too.
        with _clustered(model, asked["cluster"]) if asked["cluster"] else _masked(model):
            quantized = FakeQuantized(model, inputs, earlier)
            qat(quantized)
        quantized.freeze(inputs, asked["qat"]["callable"])
        steps.append(_described("qat", model))
        return quantized, steps, [_beginning(quantized)] if "ranges" in asked else []
    return model, steps, []


def _beginning(quantized):
    """A note on which ranges of a model begin as earlier ones."""
    begun, unseen = len(quantized.begun), quantized.unseen
    more = " and {} more".format(len(unseen) - MOST_NAMED) if len(unseen) > MOST_NAMED else ""
    others = "; that file has none for {}{}".format(", ".join(unseen[:MOST_NAMED]), more) if unseen else ""
    return "{} of {} ranges begin with those of --qat-ranges{}".format(begun, begun + len(unseen), others)


def _prune(model, inputs, asked, finetune):
    weights = layers.weights(model)
    if asked["structured"]:
        pruning.apply_structured(weights, asked["prune"], model, inputs)
    else:
        pruning.apply(weights, asked["prune"])
    finetune(model)
    pruning.remove(weights)


@contextlib.contextmanager
def _clustered(model, count):
    """While this context is entered, the weights of each layer share so many values, zero being one if it is there."""
    weights = layers.weights(model)
    clustering.apply(weights, count)
    yield
    clustering.remove(weights)


@contextlib.contextmanager
def _masked(model):
    """While this context is entered, weights that are zero stay zero."""
    weights = layers.weights(model)
    pruning.keep_zeros(weights)
    yield
    pruning.remove(weights)


def _trainer(named, request, code):
    """The user's function as a `Trainer`; without one, a function that leaves a model as it is."""
    if named is None:
        return lambda _: None
    function = python_source.function(named["module"], named["callable"], code)
    return Trainer(function, named["callable"], request.inputs.get("data"), code)


def _described(technique, model):
    """The weights of a model after a technique; sizes in bytes, as float32 numbers that follow one another."""
    weights = layers.weights(model)
    tensors = [weight.tensor.contiguous() for weight in weights]
    content = b"".join(tensor.numpy().tobytes() for tensor in tensors)
    zeros, elements = sum(_zeros(tensor) for tensor in tensors), sum(tensor.numel() for tensor in tensors)
    return {
        "technique": technique,
        "size": len(content),
        "gzip_size": len(gzip.compress(content, GZIP_LEVEL)),
        "sparsity": zeros / elements,
        "layers": [
            {
                "name": weight.full_name,
                "shape": list(tensor.shape),
                "sparsity": _zeros(tensor) / tensor.numel(),
                "distinct": len(tensor.unique()),
            }
            for weight, tensor in zip(weights, tensors)
        ],
    }


def _zeros(tensor):
    return int((tensor == 0).sum())
