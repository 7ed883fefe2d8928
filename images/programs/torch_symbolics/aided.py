"""torch.onnx.export with this package's symbolics. `torch_export.unaided` has the same functions."""

import functools

import torch
from torch.onnx import symbolic_registry

from torch_export import fixed_shapes

from . import identity, node_modules, registry, symbolic_pass, torchscript

# Torch has symbolics for a part of the next one, too.
NEWEST_OPSET = 12
EXPORTS_FAKE_QUANTIZED = True

# The exporter does it again for every node, a quarter of its time.
symbolic_registry.register_version = functools.lru_cache(maxsize=None)(symbolic_registry.register_version)
torch._C._jit_pass_onnx = symbolic_pass.by_parts  # noqa: SLF001 - no public way in
# Nothing reads the names that values get in a trace, and each of one name is compared with all others of that name.
torch.jit._trace._create_interpreter_name_lookup_fn = lambda *_: lambda _: ""  # noqa: SLF001 - as above

# A traced tensor as a value of its own, which can have another name than the tensor.
renamed = identity.of


def called(model):
    """What is called in the model's place while it is traced."""
    return torchscript.Interpreter(model) if isinstance(model, torch.jit.ScriptModule) else model.__call__


def export(flat, inputs, path, opset, **options):
    """torch.onnx.export for a `torch_export.onnx_export.Flat`, watched while it is traced. (exporter, modules): "" is
    the former, as torch has but one; the latter are as `node_modules.recorded` has them.
    """
    registry.register(opset, flat.state_dict())
    with fixed_shapes.as_numbers(), flat.watched(keeps_data=True), node_modules.recorded(flat) as modules:
        torch.onnx.export(flat, inputs, path, opset_version=opset, **options)
    return "", modules
