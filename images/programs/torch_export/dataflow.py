"""What a model calls when it runs, in order, and how its tensors go from one call to the next.

The model is fed tensors of a class of their own, through which torch shows each call of an operator or of a function of
torch.nn.functional: modules and plain functions alike.
"""

import contextlib

import torch

from stagekit import StageError

from .user_code import one_line


class Watched(torch.Tensor):
    """A tensor whose calls go to the watcher of the innermost `watching`; outside of it a tensor like any other."""

    watcher = None

    @classmethod
    def __torch_function__(cls, function, _types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - as torch's own __torch_function__ does it
            if cls.watcher is None:
                return function(*args, **(kwargs or {}))
            return cls.watcher(function, args, kwargs or {})


@contextlib.contextmanager
def watching(watcher):
    """While this context is entered, ``watcher(function, args, kwargs)`` gives the answer to each call."""
    kept, Watched.watcher = Watched.watcher, watcher
    try:
        yield
    finally:
        Watched.watcher = kept


def watched(value):
    """The value with its tensors watched."""
    return mapped(value, lambda tensor: tensor if isinstance(tensor, Watched) else tensor.as_subclass(Watched))


def unwatched(value):
    return mapped(value, lambda tensor: tensor.as_subclass(torch.Tensor) if isinstance(tensor, Watched) else tensor)


def mapped(value, change):
    """The value with its tensors changed, in nested tuples, lists and dicts; others stay as they are."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(item, change) for item in value))
    if type(value) in (tuple, list):
        return type(value)(mapped(item, change) for item in value)
    if type(value) is dict:
        return {key: mapped(item, change) for key, item in value.items()}
    return value


def tensors(value):
    """The tensors in nested tuples, lists and dicts, in order."""
    found = []
    mapped(value, found.append)
    return found


class Call:
    """One call.

    ``inputs`` are its tensor arguments as (producer or None, tensor); ``consumers`` the calls that take one of its
    results, None standing for the model's own output.
    """

    def __init__(self, function, args, kwargs, inputs):
        self.name = getattr(function, "__name__", str(function))
        self.args = args
        self.kwargs = kwargs
        self.inputs = inputs
        self.results = ()
        self.consumers = []

    def argument(self, position, keyword):
        """An argument, given by position or by name; None where the call has none."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(keyword)


class Recording:
    """The calls of a model on inputs. Raises a StageError of kind ``model`` for one that can't be followed."""

    def __init__(self, model, inputs):
        self.calls = []
        self.inputs = [watched(tensor.clone()) for tensor in inputs]
        self._producers = {}
        with torch.no_grad(), watching(self._seen):
            try:
                outputs = model(*self.inputs)
            except (TypeError, RuntimeError, AttributeError) as error:
                message = "the model takes no tensors whose way can be followed: {}".format(one_line(error))
                hint = "write it with torch's own operators on plain tensors"
                raise StageError("model", message, hint) from error
        self.last = [self._producer(tensor) for tensor in tensors(outputs)]
        for call in filter(None, self.last):
            call.consumers.append(None)

    def _seen(self, function, args, kwargs):
        taken = [(self._producer(tensor), tensor) for tensor in tensors((args, kwargs))]
        call = Call(function, args, kwargs, taken)
        found = watched(function(*args, **kwargs))
        call.results = tensors(found)
        if call.results:
            self.calls.append(call)
            for producer in filter(None, [producer for producer, _ in taken]):
                producer.consumers.append(call)
            # The results stay alive with the calls, so that no other tensor gets their ids.
            self._producers.update((id(tensor), call) for tensor in call.results)
        return found

    def _producer(self, tensor):
        return self._producers.get(id(tensor))
