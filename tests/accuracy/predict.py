"""The logits of .tflite files in LiteRT on each of many samples, one after the other, and how many of their operators
compute in floats.
"""

import argparse

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def logits(file, samples):
    """[N, classes] float32 of samples [N, ...] float32, which a file of integers takes and gives by its scales. Its
    input may have the channels last.
    """
    interpreter = Interpreter(file, num_threads=1)
    interpreter.allocate_tensors()
    (fed,), (read,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in samples[:, None]:
        turned = sample if sample.shape == tuple(fed["shape"]) else np.moveaxis(sample, 1, -1)
        interpreter.set_tensor(fed["index"], _rounded(turned, fed))
        interpreter.invoke()
        found.append(_numbers(interpreter.get_tensor(read["index"]), read))
    return np.concatenate(found)


def _rounded(values, detail):
    scale, zero = detail["quantization"]
    if not scale:
        return values
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(detail["dtype"])


def _numbers(values, detail):
    scale, zero = detail["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale) if scale else values


def floats(file):
    """How many operators give floats, but for those that make them of integers."""
    # A delegate would stand in the place of the operators that it takes.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(file, experimental_op_resolver_type=plain)
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    operators = interpreter._get_ops_details()  # noqa: SLF001 - no public way
    computing = (each for each in operators if each["op_name"] != "DEQUANTIZE")
    return sum(any(types.get(output) is np.float32 for output in each["outputs"]) for each in computing)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--samples", required=True, metavar="FILE", help="an .npy of all")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="an .npz of logits by file, what failed, and floats"
    )
    arguments = parser.parse_args()
    samples, found, failed = np.load(arguments.samples), {}, []
    for file in arguments.files:
        try:
            found[file] = logits(file, samples)
            failed.append("")
        except (RuntimeError, ValueError) as error:
            failed.append(" ".join(str(error).split()))
    np.savez(arguments.out, failed=failed, floats=[floats(file) for file in arguments.files], **found)


if __name__ == "__main__":
    main()
