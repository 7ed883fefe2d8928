"""Run forms of operators in the TFLite runtime of this environment.

It prints a line of JSON for each form: its number when it begins, so that the reader knows which one has ended the
process, and {number, outputs: [base64 of each one's bytes]} or {number, refused} when it is done.
"""

import argparse
import base64
import functools
import importlib
import json

import numpy as np

# Where each package has its interpreter.
MODULES = {
    "tensorflow-cpu": "tensorflow.lite.python.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "ai-edge-litert": "ai_edge_litert.interpreter",
}


def maker(package, *, delegates):
    """What makes an interpreter, with XNNPACK or without; TensorFlow 2.4.1's has none for integers, and no choice."""
    module = importlib.import_module(MODULES[package])
    if delegates or not hasattr(module, "OpResolverType"):
        return module.Interpreter
    kind = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return functools.partial(module.Interpreter, experimental_op_resolver_type=kind)


def outputs(content, samples, make):
    runner = make(model_content=content)
    runner.allocate_tensors()
    for at, detail in enumerate(runner.get_input_details()):
        runner.set_tensor(detail["index"], samples[at])
    runner.invoke()
    return [runner.get_tensor(detail["index"]) for detail in runner.get_output_details()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=MODULES)
    parser.add_argument("forms", help="what forms.py has written")
    parser.add_argument("--delegates", action="store_true", help="with XNNPACK, where the runtime has it")
    parser.add_argument("--after", type=int, default=-1, metavar="NUMBER", help="leave out the forms up to this one")
    arguments = parser.parse_args()
    make = maker(arguments.package, delegates=arguments.delegates)
    with np.load(arguments.forms) as written:
        for number in range(arguments.after + 1, int(written["count"])):
            print(json.dumps({"number": number}), flush=True)
            samples = [written[f"{number}.{at}"] for at in range(int(written[f"{number}.inputs"]))]
            try:
                made = outputs(written[f"{number}.file"].tobytes(), samples, make)
            except (RuntimeError, ValueError) as error:
                print(json.dumps({"number": number, "refused": " ".join(str(error).split())[:200]}), flush=True)
                continue
            encoded = [base64.b64encode(each.tobytes()).decode() for each in made]
            print(json.dumps({"number": number, "outputs": encoded}), flush=True)


if __name__ == "__main__":
    main()
