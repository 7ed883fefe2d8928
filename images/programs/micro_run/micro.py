"""Stage program of the image of TFLite Micro: run and describe a .tflite file."""

from stagekit import interpreter, runtime_package
from tflite_run import tflite_file

from .micro_interpreter import MicroInterpreter

PACKAGE = "tflite-micro"
VERSIONS = (PACKAGE, "numpy")


def infer(request):
    """Run a .tflite file and count its operators, as `stagekit.interpreter.infer` says, with ``ops`` added."""
    model = tflite_file.read(request.inputs["model"])
    # It takes no notice of signatures, but has inputs and outputs in the order of the file's first graph.
    inferred = interpreter.infer(MicroInterpreter, request, *tflite_file.signed(model))
    return dict(inferred, ops=tflite_file.operators(model))


def measure(_):
    """The size of this runtime, as `stagekit.runtime_package.measured` says."""
    return runtime_package.measured(PACKAGE)


OPERATIONS = {"infer": infer, "measure": measure}
