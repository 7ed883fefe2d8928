"""Every tensor that a runtime computes on its way, to see where outputs begin to differ."""

from pathlib import Path

from pinlite.model import Frozen, Tensor
from pinlite.stages.stage import Action, Stage, as_json

ONNX = Stage("trace-onnxruntime", image="onnx", program="check", operation="trace")
TENSORFLOW = Stage("trace-tensorflow", image="tensorflow", program="convert", operation="trace")
TFLITE = Stage("trace-tflite", image="tensorflow", program="convert", operation="trace")
_OUTPUTS = {"values": "values.npz"}


class Node(Frozen):
    """A node of the simplified ONNX graph, or an input of it. ``name`` is its scope in TensorFlow's graph; ``inputs``
    and ``outputs`` are names of values.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Graph(Frozen):
    nodes: tuple[Node, ...]


class Names(Frozen):
    """What the arrays "0", "1" and so on are called in the model, in an order of computing."""

    names: tuple[str, ...]


def onnx(model: Path, samples: Path) -> Action:
    return Action(ONNX, {}, _OUTPUTS, {"model": model, "samples": samples})


def tensorflow(stage: Stage, model: Path, samples: Path, inputs: tuple[Tensor, ...]) -> Action:
    """Of a SavedModel or a TFLite file; ``inputs`` are those of a TFLite file."""
    return Action(stage, {"inputs": as_json(inputs)}, _OUTPUTS, {"model": model, "samples": samples})
