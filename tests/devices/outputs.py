"""Run a .tflite file on samples, under the Python of a runtime's image: in TFLite Micro, or in LiteRT without XNNPACK.

python outputs.py micro|litert model.tflite samples.npz outputs.npz
"""

import sys
from pathlib import Path

import numpy as np

from stagekit import arrays, interpreter


def opened(runtime, model):
    if runtime == "micro":
        from micro_run.micro_interpreter import MicroInterpreter  # noqa: PLC0415 - one image has it, the other not

        return MicroInterpreter(model)
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

    return Interpreter(model, experimental_op_resolver_type=OpResolverType[runtime])


def main():
    runtime, model, samples, outputs = sys.argv[1:]
    given = list(arrays.read(Path(samples)).values())
    running = opened(runtime, model)
    names = [str(at) for at in range(len(given))]
    details = dict(zip(names, running.get_input_details(), strict=True))
    interpreter.feed(running, details, dict(zip(names, given, strict=True)))
    interpreter.invoke(running)
    np.savez(outputs, *(running.get_tensor(each["index"]) for each in running.get_output_details()))


main()
