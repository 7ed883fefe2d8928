"""Random numbers that a model draws whenever it runs."""

import random
import sys

import numpy as np
import torch
from torch import nn

from stagekit import StageError

from . import seeding, traced_code

# A coin that is tossed falls the same way for half of them.
SEEDS = range(1, 9)
OUTSIDE = "draw them outside of the model, and make them one of its inputs"
ALWAYS = (
    "F.dropout drops in every run unless it is told otherwise: F.dropout(x, p, training=self.training); if it is meant "
    "to be random, make its mask one of the model's inputs"
)
IN_EVALUATION = "let model.eval() reach all layers, and take train() out of the model's forward"


def decided(answer, model, code):
    """The model's outputs that ``answer()`` gives, [(path, tensor)], as copies.

    Raises a StageError of kind ``model`` where they depend on random numbers, with the line of the user's ``code``. A
    model may draw some that it does not use.
    """
    before = _states()
    first = _copied(answer())
    after = _states()
    if not _drawn(before, after):
        return first
    for seed in SEEDS:
        seeding.seed(seed)
        if not _same(first, _copied(answer())):
            raise _refusal(model, answer, code)
    random.setstate(after[0])
    np.random.set_state(after[1])  # noqa: NPY002 - the stream that the user's code may draw from
    torch.set_rng_state(after[2])
    return first


def _refusal(model, answer, code):
    modules, calls = _drawing(model, answer)
    message = "the model draws random numbers, which come out differently in every run"
    hint = OUTSIDE
    if modules:
        message += ", in {}".format(_named(model, modules[0]))
    if calls:
        function, place = calls[0][0], traced_code.Place(calls[0][1], code)
        message += ": {} at {}{}".format(function, place.name, place.statement and " (`{}`)".format(place.statement))
        if "dropout" in function:
            is_layer = isinstance(modules[0], nn.modules.dropout._DropoutNd)  # noqa: SLF001 - the base of all
            hint = IN_EVALUATION if is_layer else ALWAYS
    return StageError("model", message, hint)


def _named(model, module):
    """A module's class, and its name in the model."""
    name = next(name for name, each in model.named_modules() if each is module)
    return type(module).__name__ + (name and " ({})".format(name))


def _copied(leaves):
    """Copies: a model may hand out its inputs or weights, and may change them when it is run again."""
    return [(path, tensor.detach().clone()) for path, tensor in leaves]


def _states():
    kind, numbers, *others = np.random.get_state()  # noqa: NPY002 - as above
    return random.getstate(), (kind, numbers.tolist(), *others), torch.get_rng_state()


def _drawn(before, after):
    return any(repr(one) != repr(other) for one, other in zip(before[:2], after)) or not before[2].equal(after[2])


def _same(one, other):
    """Whether outputs are the same to the bit: NaN equals itself."""
    return [tensor.numpy().tobytes() for _, tensor in one] == [tensor.numpy().tobytes() for _, tensor in other]


def _drawing(model, answer):
    """What draws while ``answer()`` runs the model: its modules, the first and innermost first, and the calls that
    change the state of torch's numbers, [(name, `traced_code.stack`)]; nothing of TorchScript.
    """
    modules, calls, before, hooks = [], [], {}, []
    if isinstance(model, torch.jit.ScriptModule):
        return modules, calls

    def enter(module, _inputs):
        before[module] = _states()

    def leave(module, _inputs, _outputs):
        if _drawn(before[module], _states()):
            modules.append(module)

    last = [torch.get_rng_state()]

    def look(_frame, event, function):
        if event == "c_return" and not last[0].equal(torch.get_rng_state()):
            last[0] = torch.get_rng_state()
            calls.append((function.__name__, traced_code.stack()))

    try:
        for module in model.modules():
            hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
        sys.setprofile(look)
        answer()
    finally:
        sys.setprofile(None)
        for hook in hooks:
            hook.remove()
    return modules, calls
