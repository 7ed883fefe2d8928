"""Stage program of `make operators`, in the torch image: PyTorch as it is written in a model, exported alone."""

import warnings

import torch
import torchvision
from seeding import seeded
from torch import nn
from torch.jit import _get_trace_graph
from torch.nn import functional

from stagekit import arrays, samples
from torch_export import export, onnx_export, outputs
from torch_export.user_code import UserCode
from torch_symbolics import decomposition

VERSIONS = export.VERSIONS

TORCH_SYMBOLIC = decomposition.torch_symbolic
NAMES = {"torch": torch, "torchvision": torchvision, "nn": nn, "F": functional}


class Probe(nn.Module):
    """A module, or an expression of inputs with these ``names``.

    Images come and go as NHWC. Inside they are NCHW, and those of two dimensions out of a convolution, as in a network:
    ``channels`` is how many it makes of as many.
    """

    def __init__(self, code, names, images, channels):
        super().__init__()
        self.code = code
        self.names = names
        self.images = images
        self.before = nn.Conv2d(channels, channels, 1) if channels else nn.Identity()
        self.layer = eval(code, dict(NAMES)) if code.startswith("nn.") else None

    def forward(self, *inputs):
        if self.images:
            inputs = [self.before(x.permute(0, -1, *range(1, x.dim() - 1))) for x in inputs]
        if self.layer is None:
            found = eval(self.code, dict(NAMES, **dict(zip(self.names, inputs))))
        else:
            found = self.layer(*inputs)
        return found.permute(0, *range(2, found.dim()), 1) if self.images else found


def probe(request):
    """Export a probe.

    Parameters: ``code``; ``inputs``, [{name, shape, dtype}]; ``images``, whether these and the outputs are NHWC;
    ``signed``, whether what floats hold is in [-2, 2) instead of [0, 1); ``seed``; ``opset``. Roles out: model (.onnx),
    samples, outputs. Returns {"aten": the operators that torch traces, "ours": those of them that our symbolics export,
    "kept": those of these that they leave to torch's own, "around": ONNX operators that are not the probe's own}.
    """
    parameters = request.parameters
    fed = samples.of(request, parameters["inputs"])
    if parameters["signed"]:
        fed = {name: array * 4 - 2 for name, array in fed.items()}
    images = parameters["images"]
    first = next(iter(fed.values()))
    channels = first.shape[-1] if images and first.ndim == 4 else None
    model = seeded(*[array.shape for array in fed.values()])(
        lambda: Probe(parameters["code"], list(fed), images, channels)
    )()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaves = [(path, tensor.clone()) for path, tensor in outputs.flatten(model(*_tensors(fed)))]
        names = outputs.named(leaves, [], list(fed))
        aten = _aten(model, _tensors(fed))
        kept = _watched()
        onnx_export.export(
            model,
            dict(zip(fed, _tensors(fed))),
            leaves,
            names,
            parameters["opset"],
            request.outputs["model"],
            UserCode(None),
        )
    arrays.write(request.outputs["samples"], fed)
    arrays.write(request.outputs["outputs"], {name: tensor.numpy() for name, (_, tensor) in zip(names, leaves)})
    symbolics = {name.rstrip("_") for name in decomposition.SYMBOLICS}
    ours = [name for name in aten if name in symbolics]
    around = {"Transpose": len(fed) + len(leaves) if images else 0, "Conv": len(fed) if channels else 0}
    return {"aten": aten, "ours": ours, "kept": sorted(kept), "around": around}


def _tensors(fed):
    return tuple(torch.from_numpy(array.copy()) for array in fed.values())


def _aten(model, inputs):
    """The operators that a trace has, by their names; those in place count as the others."""
    graph = _get_trace_graph(model, inputs, strict=False)[0]
    kinds = {node.kind() for node in graph.nodes()}
    return sorted({kind[len("aten::") :].rstrip("_") for kind in kinds if kind.startswith("aten::")})


def _watched():
    """The set of the operators for which torch's own symbolics are asked from now on."""
    asked = set()

    def torch_symbolic(name):
        asked.add(name)
        return TORCH_SYMBOLIC(name)

    decomposition.torch_symbolic = torch_symbolic
    return asked


OPERATIONS = {"probe": probe}
