"""Run a .tflite file, whoever made it, in LiteRT; print how near its outputs are to PyTorch's.

It prints the largest difference over the largest magnitude of an output, at the worst output; null where an output is
missing, or holds what is no number. Converters name, order and lay out tensors each in their own way; a file is right
in any of these: inputs are taken by their names, by the numbers in these, or else in order, and the channels of inputs
and outputs may be last.
"""

import argparse
import importlib
import json
import math
import re
import sys

import numpy as np

NAME = re.compile(r"^(?:serving_default_)?(?P<name>.*?)(?::\d+)?$")
NUMBERED = re.compile(r"args_(?P<number>\d+)")


def by_input(details, samples):
    """The sample of each of the file's inputs."""
    names = [NAME.match(detail["name"])["name"] for detail in details]
    if set(names) <= set(samples):
        return [samples[name] for name in names]
    numbers = [NUMBERED.fullmatch(name) for name in names]
    ordered = list(samples.values())
    return [ordered[int(number["number"])] for number in numbers] if all(numbers) else ordered


def laid_out(sample, detail):
    shape = tuple(detail["shape"])
    last = np.moveaxis(sample, 1, -1) if sample.ndim > 2 else sample
    return (last if sample.shape != shape and last.shape == shape else sample).astype(detail["dtype"])


def outputs(file, samples):
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_path=file)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for detail, sample in zip(details, by_input(details, samples), strict=True):
        interpreter.set_tensor(detail["index"], laid_out(sample, detail))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def difference(found, expected):
    """Of the nearest layout; infinite where no layout has the shape, or a value is no number."""
    layouts = [found] if found.ndim < 3 else [found, np.moveaxis(found, -1, 1)]
    fitting = [layout for layout in layouts if layout.shape == expected.shape]
    return min((_difference(layout, expected) for layout in fitting), default=math.inf)


def _difference(found, expected):
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    if not np.all(np.isfinite(found)):
        return math.inf
    largest = np.max(np.abs(expected), initial=0.0) or 1.0
    return float(np.max(np.abs(found - expected), initial=0.0) / largest)


def worst(found, reference):
    """The difference at the worst output, each compared with the nearest that is left."""
    left, differences = list(found), []
    for expected in reference:
        each = [difference(array, expected) for array in left]
        nearest = int(np.argmin(each)) if each else None
        differences.append(math.inf if nearest is None else each[nearest])
        if nearest is not None:
            left.pop(nearest)
    return max(differences)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--samples", required=True, help="an .npz, by the names of inputs and in their order")
    parser.add_argument("--reference", required=True, help="an .npz of PyTorch's outputs")
    arguments = parser.parse_args()
    samples, reference = dict(np.load(arguments.samples)), list(np.load(arguments.reference).values())
    try:
        found = worst(outputs(arguments.file, samples), reference)
    except (RuntimeError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found if math.isfinite(found) else None))


if __name__ == "__main__":
    main()
