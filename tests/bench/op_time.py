"""Time the forms of op_forms.py in the TFLite runtime of this environment, with one thread. It keeps to Python 3.8.

It prints a line of JSON for each form: {number, microseconds: of an invocation, turn by turn, difference: from the
first form of its case, over the largest magnitude} or {number, refused}.
"""

import argparse
import importlib
import json
import time

import numpy as np

HEATS, TURNS, SECONDS = 3, 7, 0.003
TINY = 1e-30


def timed(make, content, sample):
    """Microseconds of an invocation in each turn, and the outputs as one array.

    Where memory lies decides a few percent, for as long as an interpreter lives: each heat draws it anew.
    """
    found = []
    for _ in range(HEATS):
        interpreter = make(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], sample)
        interpreter.invoke()
        count = max(int(SECONDS / max(_seconds(interpreter, 1), TINY)), 1)
        found += [_seconds(interpreter, count) / count * 1e6 for _ in range(TURNS)]
    return found, np.concatenate(
        [interpreter.get_tensor(each["index"]).ravel() for each in interpreter.get_output_details()]
    )


def _seconds(interpreter, count):
    started = time.process_time()
    for _ in range(count):
        interpreter.invoke()
    return time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="which has the class Interpreter")
    parser.add_argument("forms", help="what op_forms.py has written")
    arguments = parser.parse_args()
    make = importlib.import_module(arguments.module).Interpreter
    first = {}
    with np.load(arguments.forms) as written:
        for number, form in enumerate(json.loads(str(written["forms"]))):
            sample = np.random.RandomState(1).uniform(0.1, 1, form["shape"]).astype(np.float32)
            try:
                microseconds, outputs = timed(make, written[str(number)].tobytes(), sample)
            except (RuntimeError, ValueError) as error:
                print(json.dumps({"number": number, "refused": " ".join(str(error).split())[:200]}), flush=True)
                continue
            expected = first.setdefault(form["case"], outputs)
            difference = float(np.max(np.abs(outputs - expected)) / max(np.max(np.abs(expected)), TINY))
            found = {"number": number, "microseconds": microseconds, "difference": difference}
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
