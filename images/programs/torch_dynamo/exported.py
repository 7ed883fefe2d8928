"""torch.onnx.export by torch.export, else by a trace. `torch_export.unaided` has the same functions."""

import copyreg
import functools
import logging
import warnings

# Slow to import, and imported by torch.export and the exporter only once they run.
import onnx_ir
import onnxscript  # noqa: F401 - as above
import torch
import torch._dynamo
from torch.onnx._internal.exporter import _registration

from stagekit import module_names
from stagekit.errors import pass_on
from torch_export import unaided
from torch_export.user_code import one_line

from . import torchvision_operators, translations

NEWEST_OPSET = 20
# By the exporters' names in torch's documentation.
DYNAMO, TORCHSCRIPT = "dynamo", "torchscript"
FAILED = "torch's dynamo exporter fails: {}: {}"

called, renamed = unaided.called, unaided.renamed
EXPORTS_FAKE_QUANTIZED = unaided.EXPORTS_FAKE_QUANTIZED

# It reads the sources of some 500 functions, at every export.
_registration.ONNXRegistry.from_torchlib = functools.lru_cache(maxsize=None)(
    _registration.ONNXRegistry.from_torchlib.__func__
).__get__(_registration.ONNXRegistry)
# That torchvision is not installed is no news.
logging.getLogger(_registration.__name__).setLevel(logging.ERROR)
torchvision_operators.stand_in()


def export(flat, inputs, path, opset, **options):
    """Write a `torch_export.onnx_export.Flat`. (exporter, modules): which one did, and {name: [names of modules]} by
    the names of ONNX nodes, and of the values that are outputs, where it says so.

    A branch on the data is an error to torch.export; a trace bakes it in, and what is watched says so.
    """
    if not isinstance(flat.model, torch.jit.ScriptModule):
        try:
            modules = _by_dynamo(flat, inputs, path, opset, **options)
        except Exception as error:  # noqa: BLE001 - torch.export may raise anything
            pass_on(error)
            warnings.warn(FAILED.format(type(error).__name__, one_line(error)), stacklevel=1)
        else:
            return DYNAMO, modules
    _, modules = unaided.export(flat, inputs, path, opset, **options)
    return TORCHSCRIPT, modules


def _by_dynamo(flat, inputs, path, opset, input_names, output_names, **_):
    with warnings.catch_warnings():
        # torch's own use of what it has deprecated.
        warnings.filterwarnings("ignore", category=FutureWarning, module=copyreg.__name__)
        program = torch.export.export(flat, inputs, strict=False)
        made = torch.onnx.export(
            program,
            inputs,
            input_names=input_names,
            output_names=output_names,
            opset_version=opset,
            custom_translation_table=translations.TABLE,
            verbose=False,
        )
    modules = _modules(made.model)
    _tidy(made.model, flat.state_dict())
    made.save(path, external_data=False)
    return modules


def _modules(model):
    """As `export` has them."""
    found = {}
    for node in onnx_ir.traversal.RecursiveGraphIterator(model.graph):
        weights = [each.name for each in node.inputs if each is not None and each.is_initializer()]
        of = module_names.of_scopes(node.metadata_props.get(module_names.SCOPES), weights)
        outputs = [value.name for value in node.outputs if value.is_graph_output()]
        found.update((name, of) for name in [node.name, *outputs] if of)
    return found


def _tidy(model, weights):
    """Weights by their names in the user's model, and nothing of the places where the code lies here."""
    for tensor in model.graph.initializers.copy().values():
        # What pinlite puts around a model calls it so.
        while tensor.name not in weights and tensor.name.startswith("model."):
            tensor.name = tensor.name.removeprefix("model.")
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for node in onnx_ir.traversal.RecursiveGraphIterator(model.graph):
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
