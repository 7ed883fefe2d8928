"""LiteRT.js with the methods of TFLite's interpreter, by which `stagekit.interpreter` drives either."""

import contextlib
import functools
import itertools
import weakref
from pathlib import Path

import numpy as np

from stagekit import StageError, memory
from tflite_run import file_details, parts, tflite_file

from .browser import Browser, PageError

# Those of its tensors.
TYPES = ("float32", "int32", "uint8")

_numbers = itertools.count()
# Started with the worker, before anybody asks.
_BROWSER = Browser()


class WebInterpreter:
    """A file in the page."""

    def __init__(self, model_path, num_threads=1):  # noqa: ARG002 - as TFLite's
        """There is one thread, and WebAssembly, whatever ``num_threads`` says."""
        path = Path(model_path)
        self._file = parts.read(path)
        graph = self._file.graphs[0]
        self._inputs, self._outputs = (
            [dict(each, index=place) for each, place in zip(file_details.details(graph, places), places)]
            for places in (graph.inputs, graph.outputs)
        )
        _check(self._inputs, self._outputs)
        # By its number: a page keeps what it has loaded.
        self._model = str(next(_numbers))
        _BROWSER.serve(self._model, path)
        said, _ = self._ask("open")
        inputs, outputs = tflite_file.signed(tflite_file.read(path))
        self._fed = _named(graph.inputs, inputs, said["inputs"])
        self._given = _named(graph.outputs, outputs, said["outputs"])
        self._computed = {}
        weakref.finalize(self, self._close, self._model).atexit = False

    def get_input_details(self):
        return self._inputs

    def get_output_details(self):
        return self._outputs

    def get_signature_list(self):
        return [each.key for each in self._file.signatures]

    def get_signature_runner(self, key):
        return _Runner(self._ask, next(each for each in self._file.signatures if each.key == key), self._file)

    def resize_tensor_input(self, index, shape, strict):  # noqa: ARG002 - as TFLite's
        raise StageError(
            "model",
            "LiteRT.js has no tensors of open sizes: the input {} is not to be {}".format(
                self._fed[index], file_details.by(shape)
            ),
            "convert with fixed sizes",
        )

    def allocate_tensors(self):
        """It is done when the file is opened."""

    def set_tensor(self, index, array):
        _feed(self._ask, {self._fed[index]: array})

    def invoke(self):
        self._computed = _computed(self._ask)

    def get_tensor(self, index):
        detail = next(each for each in self._outputs if each["index"] == index)
        return _array(self._computed[self._given[index]], detail)

    def measured(self, least, most, seconds):
        """The milliseconds of single invocations, by the page's clock: the way to the page does not count."""
        said, _ = self._ask("time", least=least, most=most, seconds=seconds)
        self.invoke()
        return said["milliseconds"]

    def _ask(self, command, tensors=(), **parameters):
        try:
            return _BROWSER.ask(command, tensors, model=self._model, **parameters)
        except PageError as error:
            raise _refusal(error) from error

    @staticmethod
    def note_memory():
        """Count what the browser has taken."""
        memory.note_forked([_BROWSER.taken()])

    @staticmethod
    def _close(model):
        """Once nobody has it: a page has 4 GB for all that is in it."""
        with contextlib.suppress(MemoryError, PageError, RuntimeError):
            _BROWSER.ask("close", model=model)


class _Runner:
    """One of a file's signatures, with the methods of TFLite's runners."""

    def __init__(self, ask, signature, file):
        self._ask = functools.partial(ask, signature=signature.key)
        graph = file.graphs[signature.graph]
        self._inputs, self._outputs = (
            dict(zip(names, file_details.details(graph, places)))
            for names, places in (zip(*side) for side in (signature.inputs, signature.outputs))
        )
        _check(self._inputs.values(), self._outputs.values())

    def get_input_details(self):
        return self._inputs

    def get_output_details(self):
        return self._outputs

    def __call__(self, **inputs):
        _feed(self._ask, inputs)
        return {name: _array(content, self._outputs[name]) for name, content in _computed(self._ask).items()}

    def measured(self, least, most, seconds):
        """As of the whole file, with the inputs of the last call."""
        said, _ = self._ask("time", least=least, most=most, seconds=seconds)
        return said["milliseconds"]


def _feed(ask, inputs):
    for name, given in inputs.items():
        array = np.ascontiguousarray(given)
        said = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "size": array.nbytes}
        ask("feed", [array.tobytes()], inputs=[said])


def _computed(ask):
    """The bytes of the outputs by name."""
    said, content = ask("invoke")
    found, at = {}, 0
    for output in said["outputs"]:
        found[output["name"]] = content[at : at + output["size"]]
        at += output["size"]
    return found


def _array(content, detail):
    return np.frombuffer(content, detail["dtype"]).reshape(detail["shape"])


def _named(places, signed, names):
    """What the page calls the tensors at ``places`` of the graph: {index: name}.

    These are the names of the file's signature, [(name, index of the tensor)]; of a file without one, the tensors' own.
    """
    return {index: name for name, index in signed} or dict(zip(places, names))


def _check(inputs, outputs):
    """A StageError where a tensor goes in or out that no page can have."""
    strange = [(each["name"], np.dtype(each["dtype"]).name) for each in (*inputs, *outputs)]
    strange = [entry for entry in strange if entry[1] not in TYPES]
    if strange:
        raise StageError(
            "model",
            "LiteRT.js has inputs and outputs of {} alone: {}".format(
                ", ".join(TYPES), ", ".join("{} is {}".format(*entry) for entry in strange)
            ),
            "give inputs another type (--input NAME=SHAPE:int32), int8-only files --integer-io uint8, or leave out the "
            "runtime web",
        )


def _refusal(error):
    return StageError(
        "model",
        "LiteRT.js can't run this model: {}".format(" ".join(str(error).split())),
        "convert without --runtime web, or change what it names",
    )
