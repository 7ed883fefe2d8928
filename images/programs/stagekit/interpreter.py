"""Driving a TFLite interpreter, whichever package brings its class (tensorflow, tflite-runtime)."""

import functools
import mmap
import re
import statistics
import time

import numpy as np

from stagekit import arrays, evaluation, layouts, profiles
from stagekit.errors import StageError

# Where a .tflite file says that it is one: flatbuffers keep four letters of the schema behind the root's offset.
IDENTIFIER, IDENTIFIER_AT = b"TFL3", slice(4, 8)
CONVERT_AGAIN = "give a file that TFLite's converter wrote"

# How a runtime names the operator that it stops at, and how it says that it does not have it.
OPERATOR = re.compile(r"Node number \d+ \((\w+)\)|unresolved custom op: (\w+)|builtin opcode '(\w+)'")
MISSING = re.compile(
    r"unresolved custom op|Didn't find op|Op builtin_code out of range|Select TensorFlow op|Regular TensorFlow ops"
)


def infer(interpreter_class, request, signed_inputs, signed_outputs):
    """Answer a request ``infer``: run a .tflite file on samples.

    ``signed_inputs`` and ``signed_outputs`` are those of the file's signature, [(name, index of the tensor)].

    Parameters: ``inputs`` and ``outputs``, [{name, tensor, layout, ...}] from the user's names to the file's tensors
    (empty: the file's own names, order and layout); ``threads``; ``signature`` (optional), one of a file's several:
    its ``key``, and the ``graphs`` (optional) that are its own, the first and the one after the last. Roles in: model,
    samples; profiles and evaluation (optional). Roles out: outputs, profiled as `profiles.each` says, evaluated as
    `evaluation.each` says. Returns {"outputs": [{name, shape, dtype}]}.
    """
    parameters = request.parameters
    samples = arrays.read(request.inputs["samples"])

    def running(interpreter):
        interpreter = driven(interpreter, parameters)
        inputs = bind(interpreter.get_input_details(), parameters["inputs"], signed_inputs)

        def run(sample):
            feed(interpreter, inputs, layouts.fed(sample, parameters["inputs"]))
            invoke(interpreter)
            # A tensor's shape may be known only once the model has run.
            made = bind(interpreter.get_output_details(), parameters["outputs"], signed_outputs)
            return layouts.read(fetch(interpreter, made), parameters["outputs"])

        return run

    model, threads = request.inputs["model"], parameters["threads"]
    run = running(_kept(interpreter_class, model, threads))
    outputs, seconds = profiles.timed(run, samples)
    profiles.each(request, samples, run, seconds)
    evaluation.each(request, run, another=lambda: running(load(interpreter_class, model, threads)))
    arrays.write(request.outputs["outputs"], outputs)
    return {"outputs": arrays.describe(outputs)}


def timed(interpreter_class, request, signed_inputs):
    """Answer a request ``time``: time single invocations of a .tflite file, after one that is not.

    Parameters: ``inputs``, ``threads`` and ``signature`` as for `infer`; ``least``, how many invocations to time
    whatever they take, and ``most``, up to which to go on for ``seconds``. Roles in: model, samples. Returns
    {"latency_ms": {median, min, threads, runs}, "warnings": of a runtime that gives other outputs in the end}. The
    interpreter keeps its inputs, so each invocation does the same work; of a signature it gets them anew each time.
    """
    parameters = request.parameters
    interpreter = driven(_kept(interpreter_class, request.inputs["model"], parameters["threads"]), parameters)
    inputs = bind(interpreter.get_input_details(), parameters["inputs"], signed_inputs)
    feed(interpreter, inputs, layouts.fed(arrays.read(request.inputs["samples"]), parameters["inputs"]))
    invoke(interpreter)
    outputs = bind(interpreter.get_output_details(), [])
    first = {name: np.copy(array) for name, array in fetch(interpreter, outputs).items()}
    # One that runs elsewhere has a clock there.
    measured = getattr(interpreter, "measured", functools.partial(_measured, interpreter))
    milliseconds = measured(parameters["least"], parameters["most"], parameters["seconds"])
    return {
        "latency_ms": {
            "median": statistics.median(milliseconds),
            "min": min(milliseconds),
            "threads": parameters["threads"],
            "runs": len(milliseconds),
        },
        "warnings": [
            "its runtime computes another {} of the same samples when it is invoked again".format(name)
            for name, array in fetch(interpreter, outputs).items()
            if array.tobytes() != first[name].tobytes()
        ],
    }


def _measured(interpreter, least, most, seconds):
    """The milliseconds of single invocations: ``least`` of them, and up to ``most`` within the seconds."""
    milliseconds = []
    while len(milliseconds) < least or (len(milliseconds) < most and sum(milliseconds) < seconds * 1000):
        started = time.perf_counter()
        interpreter.invoke()
        milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds


def content(path):
    """The bytes of a .tflite file, where they lie; a StageError of kind ``usage`` for any other file."""
    with path.open("rb") as stream:
        found = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    if found[IDENTIFIER_AT] != IDENTIFIER:
        message = "this is no TFLite file: the letters {} are not in their place".format(IDENTIFIER.decode())
        raise StageError("usage", message, CONVERT_AGAIN)
    return found


def load(interpreter_class, path, threads):
    """An interpreter of a .tflite file, before its tensors are allocated."""
    content(path)
    try:
        return interpreter_class(model_path=str(path), num_threads=threads)
    except ValueError as error:
        if MISSING.search(str(error)):
            raise _refusal(error) from error
        message = "this TFLite file is damaged: {}".format(" ".join(str(error).split()))
        raise StageError("usage", message, CONVERT_AGAIN) from error


def _kept(interpreter_class, path, threads):
    """What `load` gives; the last one is kept: a runtime that opens a file again packs its weights anew."""
    status = path.stat()
    return _opened(interpreter_class, path, threads, (status.st_ino, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=1)
def _opened(interpreter_class, path, threads, _):
    return load(interpreter_class, path, threads)


class SignatureRunner:
    """One of a file's signatures, with the methods of an interpreter that are used here. All of an invocation, from the
    sizes of its inputs to the copies of its outputs, is one call.
    """

    def __init__(self, runner, parameters):
        self._runner, self._sides = runner, [parameters.get(side) for side in ("inputs", "outputs")]
        self._fed, self._made = {}, {}

    def get_input_details(self):
        return _told(self._runner.get_input_details(), self._sides[0])

    def get_output_details(self):
        return _told(self._runner.get_output_details(), self._sides[1])

    def resize_tensor_input(self, index, shape, *, strict):
        """A call has the sizes of what it is given."""

    def allocate_tensors(self):
        """A call does it."""

    def set_tensor(self, index, array):
        self._fed[index] = array

    def invoke(self):
        self._made = self._runner(**self._fed)

    def get_tensor(self, index):
        return self._made[index]

    @property
    def measured(self):
        return self._runner.measured


def _told(details, names):
    """The details of a signature's tensors as an interpreter lists them: in the order of ``names``, as `bind` has
    these, and for its index each has its name in the signature.
    """
    names = names or [{"name": name, "tensor": name} for name in details]
    return [dict(details[each["name"]], name=each["tensor"], index=each["name"]) for each in names]


def driven(interpreter, parameters):
    """An interpreter, or what drives the ``signature`` of its file that the parameters name, by {key, graphs}; a
    StageError of kind ``usage`` where the file does not have it. A runtime that has no such functions runs the first
    graph alone; a StageError of kind ``model`` where that is another signature's.
    """
    signature = parameters.get("signature")
    if signature is None:
        return interpreter
    if hasattr(interpreter, "get_signature_runner"):
        there = list(interpreter.get_signature_list())
        if signature["key"] not in there:
            message = "the TFLite file has no signature {!r}".format(signature["key"])
            raise StageError("usage", message, "it has {}".format(", ".join(there) or "none"))
        # Runtimes before LiteRT give a graph to their delegate, XNNPACK, only where all graphs are allocated at once.
        _allocate(interpreter)
        return SignatureRunner(interpreter.get_signature_runner(signature["key"]), parameters)
    if signature["graphs"][0] > 0:
        message = "this TFLite runtime runs the first signature of a file alone, and not {}".format(signature["key"])
        raise StageError("model", message, "take a runtime with get_signature_runner: tflite-runtime 2.7.0 has it")
    return interpreter


def graphs(request):
    """The first of a file's graphs that a request is about, and the one after the last of them; None is the end."""
    return request.parameters.get("signature", {}).get("graphs", (0, None))


def bind(details, names, signed=()):
    """The interpreter's tensors by the user's names, in the user's order.

    ``names`` is [{name, tensor}]. When it is empty, the file's own names serve, in its order: those of its signature,
    ``signed``, [(name, index of the tensor)], or where that lacks any, the tensors'. A file may hold one tensor as
    several outputs, or tensors of one name: when the whole list agrees, position tells them apart.
    """
    own = [detail["name"] for detail in details]
    if not names:
        own = _signed(details, signed) or own
        return {
            name if own.count(name) == 1 else "{}#{}".format(name, at): detail
            for at, (name, detail) in enumerate(zip(own, details))
        }
    if own == [entry["tensor"] for entry in names]:
        return {entry["name"]: detail for entry, detail in zip(names, details)}
    by_tensor = dict(zip(own, details))
    missing = [entry["tensor"] for entry in names if entry["tensor"] not in by_tensor]
    if missing:
        raise StageError("usage", "the TFLite file has no {}, it has {}".format(", ".join(missing), ", ".join(own)))
    return {entry["name"]: by_tensor[entry["tensor"]] for entry in names}


def _signed(details, signed):
    """The signature's names in the order of the details, or none where it lacks any."""
    left = {}
    for name, index in signed:
        left.setdefault(index, []).append(name)
    try:
        return [left[detail["index"]].pop(0) for detail in details]
    except (KeyError, IndexError):
        return []


def feed(interpreter, inputs, samples):
    """Allocate, and set the samples; sizes that the file leaves open become the samples'.

    Floats for an input of quantized integers are quantized.
    """
    samples = {name: _quantized(array, inputs.get(name)) for name, array in samples.items()}
    samples = arrays.matching(samples, [_spec(name, detail) for name, detail in inputs.items()])
    for name, detail in inputs.items():
        if tuple(detail["shape"]) != samples[name].shape:
            interpreter.resize_tensor_input(detail["index"], samples[name].shape, strict=True)
    _allocate(interpreter)
    for name, detail in inputs.items():
        # A tensor without elements has no memory to be set or read.
        if samples[name].size:
            interpreter.set_tensor(detail["index"], samples[name])


def _allocate(interpreter):
    try:
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise _refusal(error) from error


def invoke(interpreter):
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise _refusal(error) from error


def fetch(interpreter, outputs):
    """The values of the tensors that `bind` gave, by the same names."""
    return {name: _value(interpreter, detail) for name, detail in outputs.items()}


def _value(interpreter, detail):
    if np.prod(detail["shape"]) == 0:
        return np.zeros(detail["shape"], detail["dtype"])
    return interpreter.get_tensor(detail["index"])


def _quantized(array, detail):
    scale, zero_point = detail["quantization"] if detail else (0.0, 0)
    if not scale or array.dtype.kind != "f":
        return array
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.round(array / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def _spec(name, detail):
    shape = [None if size < 0 else int(size) for size in detail["shape_signature"]]
    return {"name": name, "shape": shape, "dtype": np.dtype(detail["dtype"]).name}


def _refusal(error):
    """A runtime's exception as a StageError that names the operators. Its later words point at web pages."""
    text = " ".join(str(error).split())
    operators = sorted({name for match in OPERATOR.findall(text) for name in match if name})
    return StageError(
        "model",
        "the TFLite runtime can't run {}: {}".format(
            "the operator " + ", ".join(operators) if operators else "this model", text.split(" See instructions:")[0]
        ),
        "this runtime holds other operators: convert without custom and Select-TF ones" if MISSING.search(text) else "",
    )
