"""Random numbers that a model draws whenever it runs."""

import random

import numpy as np
import torch

from stagekit import StageError

from . import seeding

# A coin that is tossed falls the same way for half of them.
SEEDS = range(1, 9)


def decided(answer, model):
    """The model's outputs that ``answer()`` gives, [(path, tensor)], as copies.

    Raises a StageError of kind ``model`` where they depend on random numbers. A model may draw some that it does not
    use.
    """
    before = _states()
    first = _copied(answer())
    after = _states()
    if not _drawn(before, after):
        return first
    for seed in SEEDS:
        seeding.seed(seed)
        if not _same(first, _copied(answer())):
            where = "".join(", in {}".format(part) for part in _drawing(model, answer)[:1])
            message = "the model draws random numbers, which come out differently in every run{}".format(where)
            raise StageError("model", message, "draw them outside of the model, and make them one of its inputs")
    random.setstate(after[0])
    np.random.set_state(after[1])  # noqa: NPY002 - the stream that the user's code may draw from
    torch.set_rng_state(after[2])
    return first


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
    """The modules that draw while ``answer()`` runs the model, the first and innermost first; empty for TorchScript."""
    found, before, hooks = [], {}, []
    if isinstance(model, torch.jit.ScriptModule):
        return found

    def enter(module, _inputs):
        before[module] = _states()

    def leave(module, _inputs, _outputs):
        if _drawn(before[module], _states()):
            found.append(type(module).__name__ + names[module])

    names = {module: name and " ({})".format(name) for name, module in model.named_modules()}
    try:
        for module in names:
            hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
        answer()
    finally:
        for hook in hooks:
            hook.remove()
    return found
