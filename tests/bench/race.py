"""Run .tflite files in turns in one TFLite runtime; write how long each took and how near its outputs are.

It stands alone and keeps to Python 3.8, because each runtime brings a Python of its own.
"""

import argparse
import importlib
import json
import re
import sys
import time
from pathlib import Path

import numpy as np

# Of two invocations in a row the faster one finds the model's weights in the cache and is not interrupted.
TURN = 2
FEWEST_ROUNDS = 3
TINY = 1e-30
NAME = re.compile(r"^(?:serving_default_)?(?P<name>.*?)(?::\d+)?$")
TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def opened(interpreter_class, path, samples, threads):
    """An interpreter of a file that has run once on the samples, arrays by the names of inputs or in their order."""
    interpreter = interpreter_class(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    for detail, sample in by_input(interpreter.get_input_details(), samples):
        laid_out = _laid_out(sample, tuple(detail["shape"]), TO_NHWC)
        interpreter.set_tensor(detail["index"], laid_out.astype(detail["dtype"]))
    interpreter.invoke()
    return interpreter


def by_input(details, samples):
    """Each input's details and its sample: by its name, or where converters have other names in the order of these."""
    names = [NAME.match(detail["name"]).group("name") for detail in details]
    if set(names) <= set(samples):
        return [(detail, samples[name]) for detail, name in zip(details, names)]
    return list(zip((detail for _, detail in sorted(zip(names, details), key=lambda each: each[0])), samples.values()))


def returned(interpreter):
    """The arrays that an interpreter has computed, in the order of its outputs."""
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def agreement(outputs, reference):
    """How near arrays are, at the worst output: the largest difference over the output's largest magnitude, and the
    cosine. An image may have its channels last.

    None for both where the shapes are others or a value is no number.
    """
    if len(outputs) != len(reference):
        return None, None
    found = [_laid_out(output, expected.shape, TO_NCHW) for output, expected in zip(outputs, reference)]
    if [array.shape for array in found] != [expected.shape for expected in reference]:
        return None, None
    if not all(np.all(np.isfinite(array)) for array in found):
        return None, None
    pairs = [(array.astype(np.float64), expected.astype(np.float64)) for array, expected in zip(found, reference)]
    return max(_difference(*pair) for pair in pairs), min(_cosine(*pair) for pair in pairs)


def _difference(found, expected):
    return float(np.max(np.abs(found - expected), initial=0.0) / max(np.max(np.abs(expected), initial=0.0), TINY))


def _cosine(found, expected):
    return float(np.sum(found * expected) / max(np.linalg.norm(found) * np.linalg.norm(expected), TINY))


def race(opened_anew, models, heats, seconds, clock):
    """Milliseconds of each model's turns by heat, which is to take this long.

    Where memory lies decides a few percent, for as long as an interpreter lives: each heat draws it anew. What is
    opened first, and whose turn is first, changes.
    """
    found = []
    for number in range(heats):
        direction = -1 if number % 2 else 1
        found.append(_heat([opened_anew(model) for model in models[::direction]][::direction], seconds, clock))
    return found


def _heat(interpreters, seconds, clock):
    started = time.perf_counter()
    for interpreter in interpreters:
        _turn(interpreter, clock)
    rounds = max(int(seconds / (time.perf_counter() - started)), FEWEST_ROUNDS)
    times = [[] for _ in interpreters]
    order = list(range(len(interpreters)))
    for _ in range(rounds):
        for at in order:
            times[at].append(_turn(interpreters[at], clock))
        order.reverse()
    return times


def _turn(interpreter, clock):
    times = []
    for _ in range(TURN):
        started = clock()
        interpreter.invoke()
        times.append((clock() - started) * 1000)
    return min(times)


def _laid_out(array, shape, axes):
    """The array with its axes turned if it is an image that has this shape only then."""
    return np.transpose(array, axes) if array.ndim == 4 and array.shape != shape else array


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--runtime", required=True, help="the module that has the class Interpreter")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--samples", type=Path, required=True, help="an .npz, in the order of the inputs")
    parser.add_argument("--reference", type=Path, required=True, help="an .npz, in the order of the outputs")
    parser.add_argument("--heats", type=int, default=0, help="how often to race [0: not]")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long a heat takes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    interpreter_class = importlib.import_module(arguments.runtime).Interpreter
    samples, reference = dict(np.load(str(arguments.samples))), list(np.load(str(arguments.reference)).values())
    # What one thread computes takes as long on a busy machine by this clock, and on one at rest by either.
    clock = time.process_time if arguments.threads == 1 else time.perf_counter

    def opened_anew(model):
        return opened(interpreter_class, model, samples, arguments.threads)

    try:
        agreements = [agreement(returned(opened_anew(model)), reference) for model in arguments.models]
        heats = race(opened_anew, arguments.models, arguments.heats, arguments.seconds, clock)
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error))
    arguments.out.write_text(json.dumps({"agreements": agreements, "heats": heats}))


if __name__ == "__main__":
    main()
