"""Stage program of the image of TFLite Micro: run and describe a .tflite file."""

from importlib import metadata

from stagekit import StageError, interpreter, runtime_package
from tflite_run import parts, tflite_file

from . import arena, c_array, memory_plan, resolver
from .micro_interpreter import MicroInterpreter

PACKAGE = "tflite-micro"
VERSIONS = (PACKAGE, "numpy")


def infer(request):
    """Run a .tflite file and count its operators, as `stagekit.interpreter.infer` says, with ``ops`` added."""
    model = tflite_file.read(request.inputs["model"])
    # It takes no notice of signatures, but has inputs and outputs in the order of the file's first graph.
    inferred = interpreter.infer(MicroInterpreter, request, *tflite_file.signed(model))
    return dict(inferred, ops=tflite_file.operators(model))


def measure_arena(request):
    """The arena that a .tflite file needs, and the file for a program in C++.

    Parameters: ``inputs`` and ``outputs`` as `stagekit.interpreter.infer` has them. Roles in: model. Roles out: source,
    a folder as `c_array.write` makes it. Returns what `arena.measured` says, with the ``peak`` of `arena.peak`, and
    ``operators``, the methods of a resolver that add the file's.
    """
    path = request.inputs["model"]
    file, content = parts.read(path), path.read_bytes()
    found = arena.measured(content, file)
    kinds = {operator.kind for graph in file.graphs for operator in graph.operators}
    methods = resolver.methods(kinds)
    if None in methods:
        raise StageError("model", "no method of a resolver is known for one of {}".format(", ".join(sorted(kinds))))
    signed = tflite_file.signed(tflite_file.read(path))
    driven = MicroInterpreter(str(path))
    details = driven.get_input_details(), driven.get_output_details()
    inputs, outputs = (
        [
            (name, each["dtype"].__name__, memory_plan.size(file.graphs[0].tensors[place]), *each["quantization"])
            for (name, each), place in zip(_in_order(bound), places)
        ]
        for bound, places in (
            (interpreter.bind(details[0], request.parameters["inputs"], signed[0]), file.graphs[0].inputs),
            (interpreter.bind(details[1], request.parameters["outputs"], signed[1]), file.graphs[0].outputs),
        )
    )
    version = metadata.version(PACKAGE)
    c_array.write(request.outputs["source"], content, found["least"], version, inputs, outputs, methods)
    return dict(found, peak=arena.peak(file.graphs[0]), operators=methods)


def _in_order(bound):
    """Names with what they are bound to, in the file's order."""
    return sorted(bound.items(), key=lambda found: found[1]["index"])


def measure(_):
    """The size of this runtime, as `stagekit.runtime_package.measured` says."""
    return runtime_package.measured(PACKAGE)


OPERATIONS = {"infer": infer, "arena": measure_arena, "measure": measure}
