"""Stage program of the images that hold a runtime: run, time and describe a .tflite file."""

import functools
import importlib
import json
import platform

from stagekit import interpreter, runtime_package

from . import audit as auditing
from . import contents, differences, emulator, parts, tensor_values, tflite_file

# Where each package has its Interpreter; an image has one of them.
INTERPRETERS = {"tflite-runtime": "tflite_runtime.interpreter", "ai-edge-litert": "ai_edge_litert.interpreter"}

(PACKAGE,) = runtime_package.installed(INTERPRETERS)
_MODULE = importlib.import_module(INTERPRETERS[PACKAGE])
Interpreter = _MODULE.Interpreter
# XNNPACK keeps to itself what it computes in between.
KeepingInterpreter = functools.partial(
    Interpreter,
    experimental_preserve_all_tensors=True,
    experimental_op_resolver_type=_MODULE.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
)
VERSIONS = (PACKAGE, "numpy")


def infer(request):
    """Run a .tflite file, or one of its signatures, and count the operators, as `stagekit.interpreter.infer` says, with
    ``ops`` added, and ``emulator``, as `emulator.name` says.

    XNNPACK is on, which is the default of this runtime's interpreter.
    """
    model = tflite_file.read(request.inputs["model"])
    inferred = interpreter.infer(Interpreter, request, *tflite_file.signed(model))
    ops = tflite_file.operators(model, interpreter.graphs(request))
    return dict(inferred, ops=ops, emulator=emulator.name())


def time(request):
    """Time a .tflite file, as `stagekit.interpreter.timed` says; but not in an emulator, whose time says nothing."""
    emulated = emulator.name()
    if emulated:
        note = "{} on {} is not timed: {} takes the processor's place".format(PACKAGE, platform.machine(), emulated)
        return {"latency_ms": None, "notes": [note]}
    signed_inputs, _ = tflite_file.signed(tflite_file.read(request.inputs["model"]))
    return interpreter.timed(Interpreter, request, signed_inputs)


def inspect(request):
    """Say what is in a .tflite file. Roles in: model. Roles out: contents, a JSON of what `contents.of` says."""
    found = contents.of(parts.read(request.inputs["model"]))
    request.outputs["contents"].write_text(json.dumps(found, separators=(",", ":"), allow_nan=False))
    return {}


def audit(request):
    """What is wrong inside a .tflite file, as `tflite_run.audit` says."""
    return auditing.audit(KeepingInterpreter, request)


def trace(request):
    """What a .tflite file computes on its way, as `tensor_values.trace` says."""
    return tensor_values.trace(KeepingInterpreter, request)


def measure(_):
    """The size of this runtime, as `stagekit.runtime_package.measured` says."""
    return runtime_package.measured(PACKAGE)


OPERATIONS = {
    "infer": infer,
    "time": time,
    "inspect": inspect,
    "diff": differences.diff,
    "audit": audit,
    "trace": trace,
    "measure": measure,
}
