"""A torch.autograd.Function in a trace: by its own ``symbolic``, or by its forward, as the plain code that it is.

torch traces a Function as one operator, which only a ``symbolic`` can export. Without one, its forward is traced here.
Outside of a trace a Function stays what it is: training needs its backward.
"""

import contextlib
import inspect
from contextvars import ContextVar

import torch
from torch.autograd import Function
from torch.autograd.function import _ContextMethodMixin

from stagekit import StageError

from .replacing import replaced

# What a Function inherits from torch.
APPLY = inspect.getattr_static(Function, "apply")
# Of what is in a graph on its way to ONNX. Another domain is the user's own, of which no runtime knows anything.
DOMAINS = ("aten", "onnx", "prim")

# The `Symbolics` of an export that takes them, None for one that takes forwards alone.
_SYMBOLICS = ContextVar("symbolics", default=None)


class Context(_ContextMethodMixin):
    """What a forward gets as ``ctx``, where it keeps what nobody asks for."""

    def __init__(self, arguments):
        self.needs_input_grad = tuple(
            isinstance(argument, torch.Tensor) and argument.requires_grad for argument in arguments
        )


class Symbolics:
    """The symbolics of the Functions in a trace: ``used``, and ``foreign`` where one writes what is not ONNX."""

    def __init__(self, stack):
        self.used = set()
        self.foreign = False
        self._stack = stack

    def watch(self, function):
        """Look at what the symbolic of a Function writes, until the stack is closed."""
        if function not in self.used:
            self.used.add(function)
            watching = staticmethod(self._watching(function.symbolic))
            self._stack.enter_context(replaced(function, "symbolic", watching))

    def _watching(self, symbolic):
        def watching(graph, *arguments, **options):
            made = symbolic(graph, *arguments, **options)
            self.foreign |= any(kind.partition("::")[0] not in DOMAINS for kind in _written(made, arguments))
            return made

        return watching


def _written(made, given):
    """The kinds of the nodes that compute what a symbolic made of the values that it was given."""
    values = [*made] if isinstance(made, (tuple, list)) else [made]
    seen = {value.unique() for value in given if isinstance(value, torch._C.Value)}  # noqa: SLF001 - no public name
    while values:
        value = values.pop()
        if value is not None and value.unique() not in seen:
            seen.add(value.unique())
            yield value.node().kind()
            values.extend(value.node().inputs())


def trace_forwards():
    """Let forwards be traced from now on; called before modules are imported, which may hold on to an ``apply``."""
    Function.apply = classmethod(_apply)


def exported(export):
    """What ``export()`` gives, with the symbolics that the model's Functions have.

    Where these fail, or write operators that are not ONNX's, it is called again, and takes their forwards.
    """
    with contextlib.ExitStack() as stack:
        symbolics = Symbolics(stack)
        stack.callback(_SYMBOLICS.reset, _SYMBOLICS.set(symbolics))
        try:
            found = export()
        except StageError:
            if not symbolics.used:
                raise
        else:
            if not symbolics.foreign:
                return found
    return export()


def _apply(function, *arguments, **options):
    symbolics = _SYMBOLICS.get()
    traced = torch._C._get_tracing_state() is not None  # noqa: SLF001 - torch has no other way to ask
    if traced and symbolics is not None and hasattr(function, "symbolic"):
        symbolics.watch(function)
        traced = False
    if not traced:
        return APPLY.__get__(None, function)(*arguments, **options)
    with torch.no_grad():
        return function.forward(Context(arguments), *arguments, **options)
