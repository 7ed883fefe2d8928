"""Keep onnx and onnx-ir from importing what few models need: that takes longer than all else that is imported here.

Both look up functions of these modules at most when they are imported, and call them for arithmetic with open sizes
(sympy) and for models as text or JSON (protobuf's formats) alone.
"""

import importlib
import sys
import types

MODULES = ("sympy", "google.protobuf.json_format", "google.protobuf.text_format")


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


for _name in MODULES:
    if _name not in sys.modules:
        sys.modules[_name] = _Later(_name)
        _package, _, _own = _name.rpartition(".")
        if _package:
            setattr(importlib.import_module(_package), _own, sys.modules[_name])
