"""The arena that a file needs in TFLite Micro, measured: the least in which it can be allocated and invoked."""

import os
import re

from . import memory_plan, spoken
from .micro_interpreter import invoke, room, running

# In bytes: arenas are tried in steps of it, which is what the interpreter aligns an arena to.
_STEP = 16
# How far below what it says it has used the search begins: more than it wastes on temporary numbers.
_NEAR = 4096
_USED = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_PART = re.compile(r"'(.+)' used (\d+) bytes with alignment overhead \(requested \d+ bytes for (\d+) ")
# In bytes with pointers of 64 and of 32 bits: the structures of which the interpreter has one for each tensor, or for
# each operator, by what it calls them. Of the scales of a tensor one of its two allocations has pointers.
_STRUCTURES = {
    "TfLiteEvalTensor data": (24, 12),
    "Persistent TfLiteTensor data": (64, 40),
    "NodeAndRegistration struct": (64, 32),
}
_KERNELS = "Persistent buffer data"


def measured(content, file):
    """The arena of a file's ``content``, read as ``file``, in bytes:

    ``least``, with which the interpreter here works; of this ``tensors``, which are planned to share memory, with what
    kernels want while they run; ``kernels``, what these keep for themselves; ``structures``, of the interpreter's own,
    whose pointers have 64 bits here; and ``estimate_32_bit``, what the sum would be if they had 32: other fields and
    alignments are those of the structures here.
    """
    used, parts = _recorded(content, room(file))
    least = _least(content, used["total"])
    kernels = parts.get(_KERNELS, (0, 0))[0]
    saved = sum(parts[name][1] * (wide - narrow) for name, (wide, narrow) in _STRUCTURES.items() if name in parts)
    structures = least - used["head"] - kernels
    return {
        "least": least,
        "tensors": used["head"],
        "kernels": kernels,
        "structures": structures,
        "estimate_32_bit": least - saved,
    }


def peak(graph):
    """Where most tensors are alive, as `memory_plan.peak` finds it, with names: {operator, number, tensors}."""
    found = memory_plan.peak(graph)
    return {
        "operator": graph.operators[found.operator].kind if graph.operators else "",
        "number": found.operator,
        "tensors": [{"name": graph.tensors[at].name, "size": size} for at, size in found.tensors],
    }


def _recorded(content, arena):
    """What an interpreter says that it has used: in all and at both ends, and by name (bytes, how many)."""
    interpreter = running(content, arena)
    invoke(interpreter)
    _, _, said = spoken.during(interpreter.print_allocations)
    text = "\n".join(said)
    used = {name: int(size) for name, size in _USED.findall(text)}
    return used, {name: (int(size), int(count)) for name, size, count in _PART.findall(text)}


def _least(content, used):
    """Bisected between an arena that is too small and one that is not, in which it is invoked then."""
    large = _up(used)
    while not _works(content, large):
        large *= 2
    small = max(large - _NEAR, 0)
    while small and _works(content, small):
        small = max(small - 16 * _NEAR, 0)
    while large - small > _STEP:
        middle = _up((large + small) // 2)
        if middle >= large:
            break
        if _works(content, middle):
            large = middle
        else:
            small = middle
    # Kernels take all that they want when they are prepared. Where one does otherwise, this shows it.
    while not _works(content, large, invoked=True):
        large += _STEP
    return large


def _works(content, arena, *, invoked=False):
    """Whether it can be allocated, and ``invoked``, too. It is tried in a process of its own, which some kernels end
    where memory is short.
    """
    child = os.fork()
    if not child:
        # What it says of too small an arena is no news.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        status = 1
        try:
            interpreter = running(content, arena)
            if invoked:
                invoke(interpreter)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _up(size):
    return -(-size // _STEP) * _STEP
