"""Every tensor that a runtime computes on its way, to see where outputs begin to differ."""

from collections.abc import Sequence
from dataclasses import replace

from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Tensor
from pinlite.stages import export, ranges
from pinlite.stages.stage import Action, Content, Stage, as_json, hashed
from pinlite.toolchain import Runtime, Target

# What the values of PyTorch's modules are called in the ONNX file that `torch` gives, with the module's number.
MARK = "pinlite_module_"

TORCH = Stage("trace-torch", image="torch", program="torch_export.export", operation="trace", runs_user_code=True)
ONNX = Stage("trace-onnxruntime", image="onnx", program="onnx_check.check", operation="trace")
TENSORFLOW = Stage("trace-tensorflow", image="tensorflow", program="tflite_convert.convert", operation="trace")
_TFLITE = "trace-tflite"
_OUTPUTS = {"values": "values.npz"}


def tflite(target: Target, runtimes: Sequence[Runtime]) -> Stage:
    """Of files: in the TensorFlow that made them, or in the newest runtime if their target has more than that."""
    newer = (each for each in reversed(runtimes) if target.has and target.requires(each) and not each.select_tf)
    runtime = next((each for each in newer if not each.added), None)
    if runtime is None:
        return replace(TENSORFLOW, name=_TFLITE)
    return Stage(_TFLITE, image=runtime.image, program=runtime.program, operation="trace")


class Node(Frozen):
    """A node of the simplified ONNX graph, or an input of it. ``name`` is its scope in TensorFlow's graph; ``inputs``
    and ``outputs`` are names of values.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Graph(Frozen):
    """``marks`` are by the name of a value what the file ``marked`` calls it."""

    nodes: tuple[Node, ...]
    marks: dict[str, str]


class Names(Frozen):
    """What the arrays "0", "1" and so on are called in the model, in an order of computing."""

    names: tuple[str, ...]


class Modules(Frozen):
    """The names of the modules whose values the arrays "0", "1" and so on are; "" is the model itself."""

    modules: tuple[str, ...]


def torch(recipe: Recipe, source: Content, functions: Content | None, earlier: ranges.Result | None) -> Action[Modules]:
    """Of a PyTorch model, as `export.action` takes it, on the recipe's samples."""
    action = export.action(recipe.model_copy(update={"dynamic_batch": False}), source, functions, None, earlier)
    outputs = {"model": "marked.onnx", **_OUTPUTS}
    return Action(TORCH, Modules, action.parameters, outputs, action.inputs)


def onnx(model: Content, samples: Content, marked: Content | None) -> Action[Graph]:
    """``marked`` is the model that `torch` gives."""
    return Action(ONNX, Graph, {}, _OUTPUTS, hashed(model=model, samples=samples, marked=marked))


def tensors(stage: Stage, model: Content, samples: Content, inputs: tuple[Tensor, ...]) -> Action[Names]:
    """Of a SavedModel or a TFLite file; ``inputs`` are those of a TFLite file."""
    parameters = {"inputs": as_json(inputs)}
    return Action(stage, Names, parameters, _OUTPUTS, hashed(model=model, samples=samples))
