"""The samples that every way and every peer converts and is judged on."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SEED = 0
INPUT = re.compile(r"(?P<name>\w+)=(?P<shape>[0-9x]+)(?::(?P<dtype>\w+))?")
IDS = 100


def write(inputs: Sequence[str], file: Path) -> None:
    """An array for each of the inputs, ``NAME=SHAPE[:DTYPE]``: floats in [0, 1), ids, and masks that hide the end."""
    stream = np.random.RandomState(SEED)
    np.savez(file, **dict(_array(text, stream) for text in inputs))


def _array(text: str, stream: np.random.RandomState) -> tuple[str, np.ndarray]:
    found = INPUT.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no input: NAME=SHAPE[:DTYPE]")
    name, shape = found["name"], tuple(map(int, found["shape"].split("x")))
    if not found["dtype"]:
        return name, stream.uniform(size=shape).astype(np.float32)
    if "mask" in name:
        seen = np.arange(shape[-1]) < shape[-1] * 3 // 4
        return name, np.broadcast_to(seen, shape).astype(found["dtype"])
    return name, stream.randint(IDS, size=shape).astype(found["dtype"])
