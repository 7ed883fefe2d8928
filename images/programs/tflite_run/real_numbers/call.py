"""What a definition is called with."""

import json
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np


class UnknownFormError(Exception):
    """An operator has a form that its definition does not cover."""


class Call(NamedTuple):
    """An operator's ``options``, as `parts.Operator` has them; its ``inputs``, None for one that it goes without: real
    numbers where they are quantized, else as they are; and the shapes that its outputs have.
    """

    options: Dict[str, str]
    inputs: List[Any]
    shapes: List[Tuple[int, ...]]

    def option(self, name, otherwise=0):
        """An option that is a number, a list of numbers, true or false."""
        text = self.options.get(name)
        return otherwise if text is None else json.loads(text)

    def input(self, at):
        """An input, or None where the operator goes without."""
        return self.inputs[at] if at < len(self.inputs) else None

    def whole(self, at):
        """An input of one dimension as a list of whole numbers."""
        return [int(number) for number in np.ravel(self.inputs[at])]


class Definition(NamedTuple):
    """``function`` takes a Call and gives the outputs as real numbers, or the only one; a kernel may be ``steps`` off,
    with 16 bits ``steps_of_16``.
    """

    function: Any
    steps: int
    steps_of_16: int
