"""The user's training function, which is called between the techniques."""

import inspect

import torch

from stagekit import StageError

from .user_code import one_line

IN_PLACE = "train the model in place, and return nothing: its parameters are all that may change"


class Trainer:
    """The user's function, called with the model, and with the path of ``--data`` where that is given."""

    def __init__(self, function, name, data, code):
        self._function, self._name, self._code = function, name, code
        self._arguments = () if data is None else (data,)

    def __call__(self, model):
        """Let it train the model in place; the model comes in training mode and is left in evaluation mode.

        Raises a StageError of kind ``usage`` for a function that can't be called so, fails, returns anything but None
        or the model, changes the model's layers, or leaves weights that are not finite.
        """
        before = _architecture(model)
        bound(self._function, [model, *self._arguments], self._name, self._how())
        with torch.enable_grad(), self._code.blamed("{} fails".format(self._name)):
            returned = self._function(model.train(), *self._arguments)
        # It may have had more threads, which would decide in which order torch adds.
        torch.set_num_threads(1)
        model.eval()
        if returned is not None and returned is not model:
            what = "{} returns a value of type {}".format(self._name, type(returned).__qualname__)
            raise StageError("usage", what, IN_PLACE)
        self._check_kept(before, _architecture(model))
        broken = [name for name, tensor in model.state_dict().items() if not _finite(tensor)]
        if broken:
            what = "{} leaves values that are no finite numbers in {}".format(self._name, broken[0])
            raise StageError("usage", what, "train with a smaller learning rate")

    def _how(self):
        if self._arguments:
            return "give it the parameters (model, data): the path of --data"
        return "give it the parameter (model) alone, or data with --data"

    def _check_kept(self, before, after):
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        if changed:
            what = "{} changes the architecture: {}".format(
                self._name, _change(changed[0], before.get(changed[0]), after.get(changed[0]))
            )
            raise StageError("usage", what, IN_PLACE)


def bound(function, arguments, name, how):
    """Raise a StageError of kind ``usage`` with the hint ``how`` unless a function can be called with the arguments."""
    if not callable(function):
        raise StageError("usage", "{} is {}, which can't be called".format(name, type(function).__qualname__), how)
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        message = "{} can't be called with {} argument(s): {}".format(name, len(arguments), one_line(error))
        raise StageError("usage", message, how) from error
    except ValueError:
        pass  # written in C, without a signature


def _architecture(model):
    """What every module is, and every parameter and buffer, by name."""
    modules = {"the model" + (name and "." + name): type(module).__qualname__ for name, module in model.named_modules()}
    tensors = {
        name: "{} of {}".format(list(tensor.shape), str(tensor.dtype).replace("torch.", ""))
        for name, tensor in model.state_dict().items()
    }
    return dict(modules, **tensors)


def _change(name, before, after):
    if before is None:
        return "{} ({}) is new".format(name, after)
    if after is None:
        return "{} ({}) is gone".format(name, before)
    return "{} was {}, is {}".format(name, before, after)


def _finite(tensor):
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
