"""The operators on real numbers that TFLite's operators on integers stand for, by families, and how many steps of its
output's scale a kernel may be off.
"""

import numpy as np

from . import along_axes, elementwise, image_sizes, moving, products
from .call import Call, UnknownFormError

FAMILIES = (products, elementwise, along_axes, image_sizes, moving)
DEFINITIONS = {kind: definition for family in FAMILIES for kind, definition in family.DEFINITIONS.items()}

__all__ = ["DEFINITIONS", "Call", "UnknownFormError", "computed"]


def computed(kind, call):
    """The outputs of an operator in real numbers, the activation that it ends with included."""
    activation = elementwise.ACTIVATIONS[call.options.get("fused_activation_function", "NONE")]
    with np.errstate(all="ignore"):
        found = DEFINITIONS[kind].function(call)
        return [activation(each) for each in (found if isinstance(found, list) else [found])]
