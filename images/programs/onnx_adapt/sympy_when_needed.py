"""Keep onnx-ir from importing sympy, which takes longer than all else that is imported here.

onnx-ir looks up some of its functions when it is imported, and calls them for arithmetic with open sizes alone.
"""

import importlib
import sys
import types


class _Later(types.ModuleType):
    """A module that is imported when one of its functions is first called; up to then, all in it is a function."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules[self.__name__] is not self:
            return getattr(sys.modules[self.__name__], name)

        def function(*args, **kwargs):
            if sys.modules[self.__name__] is self:
                del sys.modules[self.__name__]
            return getattr(importlib.import_module(self.__name__), name)(*args, **kwargs)

        return function


sys.modules.setdefault("sympy", _Later("sympy"))
