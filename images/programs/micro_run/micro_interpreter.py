"""TFLite Micro's interpreter with the methods of TFLite's, by which `stagekit.interpreter` drives either."""

import re
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter

from stagekit import StageError
from tflite_run import file_details, parts

from . import memory_plan, spoken

# How it names an operator that it has not, and one that it has and can't prepare or invoke.
_LACKING = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_REFUSED = re.compile(r"Node (\w+) \(number (\d+)f?\) failed to (prepare|invoke)")
# It says how many bytes it wanted, wherever an arena has not enough.
_TOO_SMALL = "Requested:"
# In bytes: room for a kernel's own numbers beside tensors. Pages of an arena that nobody writes to cost nothing.
_ROOM = 32 * 1024**2
_OTHERWISE = (
    "write that part of the model with operators that TFLite Micro has, see docs/devices.md, or convert for another "
    "--target"
)


class MicroInterpreter:
    """The interpreter of a file, in an arena that is larger than any model needs."""

    def __init__(self, model_path, num_threads=1):  # noqa: ARG002 - as TFLite's
        """There is one thread whatever ``num_threads`` says."""
        self._file = parts.read(Path(model_path))
        self._content = Path(model_path).read_bytes()
        graph = self._file.graphs[0]
        self._inputs = file_details.details(graph, graph.inputs)
        self._outputs = file_details.details(graph, graph.outputs)
        self._running = None

    def get_input_details(self):
        return self._inputs

    def get_output_details(self):
        return self._outputs

    def resize_tensor_input(self, index, shape, strict):  # noqa: ARG002 - as TFLite's
        raise StageError(
            "model",
            "TFLite Micro has no tensors of open sizes: the input {} is {}, not {}".format(
                self._inputs[index]["name"], file_details.by(self._inputs[index]["shape"]), file_details.by(shape)
            ),
            "convert with fixed sizes",
        )

    def allocate_tensors(self):
        if self._running is None:
            self._running = running(self._content, room(self._file))

    def set_tensor(self, index, array):
        self._running.set_input(np.ascontiguousarray(array), index)

    def invoke(self):
        invoke(self._running)

    def get_tensor(self, index):
        return np.array(self._running.get_output(index))


def room(file):
    """An arena, in bytes, that no plan of a file's tensors needs all of."""
    tensors = (graph.tensors[at] for graph in file.graphs for at in memory_plan.computed(graph))
    return _ROOM + 2 * sum(map(memory_plan.size, tensors))


def running(content, arena):
    """An interpreter whose tensors are allocated in an ``arena`` of so many bytes.

    Raises:
        StageError: It lacks an operator, or can't prepare one.
        MemoryError: The arena is too small.
    """
    found, error, said = spoken.during(lambda: Interpreter.from_bytes(content, arena_size=arena))
    if error is None:
        return found
    text = " ".join(said)
    if _TOO_SMALL in text and not _LACKING.search(text):
        raise MemoryError(text) from error
    raise _refusal(said, error) from error


def invoke(interpreter):
    _, error, said = spoken.during(interpreter.invoke)
    if error is not None:
        raise _refusal(said, error) from error


def _refusal(said, error):
    """What it has said as a StageError that names the operators."""
    text = " ".join(said)
    lacking, refused = sorted(set(_LACKING.findall(text))), _REFUSED.search(text)
    if lacking:
        what = "its resolver has no {}".format(", ".join(lacking))
    elif refused:
        name, at, when = refused.groups()
        reasons = "; ".join(line for line in said if not _REFUSED.search(line))
        what = "it can't {} the operator {} (number {}): {}".format(when, name, at, reasons)
    else:
        what = text or str(error)
    return StageError("model", "TFLite Micro can't run this model: {}".format(what), _OTHERWISE)
