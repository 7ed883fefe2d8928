"""What is known before a model runs, written out: control flow, and sequences of tensors.

It is known once sizes are fixed and constants folded. What is written out may have further constants: `simplify` folds
and expands by turns until nothing changes.
"""

from . import model_file, sequences, unrolling
from .open_graph import OpenGraph

EXPANSIONS = {**unrolling.EXPANSIONS, **sequences.EXPANSIONS}
# A model of tensors alone has it, too.
COMMON = "Identity"


def concern(model):
    """Whether there may be anything to write out in a model."""
    return any(node.op_type != COMMON and node.op_type in EXPANSIONS for node in model.graph.node)


def expand(model):
    """Write out a model in place; whether there was anything that is known."""
    if not concern(model):
        return False
    return OpenGraph(model.graph, model_file.opset(model), model_file.inferred(model)).expand(EXPANSIONS)
