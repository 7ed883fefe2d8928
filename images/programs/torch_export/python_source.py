"""A model from a callable in a Python module."""

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path

from torch import nn

from stagekit import StageError

from . import newer_code
from .user_code import needs_package, one_line

OURS = Path(__file__).absolute().parents[1]
MOST_NAMES = 20
NO_ARGUMENTS = "write a function that takes no arguments and returns the model"


def load(folder, module_name, path, code):
    """The nn.Module that ``path``, a callable's dotted name in a module, gives when it is called without arguments.

    A Module of that name serves, too. The module is looked for in the folder first, then among what is installed.
    Raises a StageError of kind ``usage`` where there is none of that name, the call fails, or gives anything but a
    Module.
    """
    target = find(folder, module_name, path, code)
    model = target if isinstance(target, nn.Module) else called(target, path, NO_ARGUMENTS, code)
    if isinstance(model, nn.Module):
        return model
    hint = "return the model itself, an instance of torch.nn.Module"
    raise StageError("usage", "{} gives {}, no torch.nn.Module".format(path, kind(model)), hint)


def find(folder, module_name, path, code):
    """What ``path``, a dotted name in a module, stands for; the module is looked for as `load` says."""
    show(folder)
    return _found(_imported(module_name, code), module_name, path)


def called(target, path, how, code):
    """What the callable gives without arguments; ``how`` is the hint for one that can't be called so."""
    if not callable(target):
        raise StageError("usage", "{} is {}, which can't be called".format(path, kind(target)), how)
    try:
        inspect.signature(target).bind()
    except TypeError as error:
        raise StageError("usage", "{} wants arguments: {}".format(path, one_line(error)), how) from error
    except ValueError:
        pass  # written in C, without a signature
    with code.blamed("{} fails".format(path)):
        return target()


def kind(value):
    """The type of a value, in words."""
    if inspect.isclass(value):
        return "the class {}".format(value.__qualname__)
    return "a value of type {}".format(type(value).__qualname__)


def show(folder):
    """Let the modules of a folder be imported, before what is installed, and its other files be opened by their names.

    These get links in the working folder, where code may write, as it can't in its own.
    """
    make_way()
    sys.path.insert(0, str(folder))
    for path in Path(folder).iterdir():
        if path.suffix != ".py" and not Path(path.name).exists():
            Path(path.name).symlink_to(path.absolute())


def make_way():
    """Take pinlite's own modules out of the way, so that the user's may have the same names."""
    sys.path[:] = [entry for entry in sys.path if Path(entry).absolute() != OURS]
    for name, module in list(sys.modules.items()):
        if name != "__main__" and OURS in Path(getattr(module, "__file__", None) or "/").absolute().parents:
            del sys.modules[name]


def function(module_name, path, code):
    """What ``path``, a dotted name in a module, stands for, which must be callable.

    Raises a StageError of kind ``usage``.
    """
    target = _found(_imported(module_name, code), module_name, path)
    if not callable(target):
        raise StageError("usage", "{} is {}, which can't be called".format(path, kind(target)), "name a function")
    return target


def _imported(name, code):
    try:
        with code.blamed("module {} fails when it is imported".format(name)):
            return _loaded(name)
    except StageError as refusal:
        error = refusal.__cause__
        if not isinstance(error, ModuleNotFoundError) or error.name is None or newer_code.hint(error):
            raise
        if error.name == name or name.startswith(error.name + "."):
            how = "a file is given by its path, path/to/net.py:callable; else {}".format(needs_package(error.name))
            raise StageError("usage", "there is no module {}".format(error.name), how) from error
        line = code.line_of(error)
        message = "module {} imports {}, which is not there{}".format(name, error.name, line and " ({})".format(line))
        raise StageError("usage", message, needs_package(error.name)) from error


def _loaded(name):
    """A module by its name. A file may have dots in its own, which Python takes for packages: net.v2.py."""
    files = [Path(entry, name + ".py") for entry in sys.path] if "." in name else []
    file = next(filter(Path.is_file, files), None)
    if file is None:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, str(file))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _found(module, module_name, path):
    holder = module
    for name in path.split("."):
        if not hasattr(holder, name):
            there = ", ".join(_callables(holder)) or "nothing that can be called"
            raise StageError("usage", "{} has no {}".format(module_name, path), "there is: {}".format(there))
        holder = getattr(holder, name)
    return holder


def _callables(holder):
    """Public names that can be called: those that a module defines, or all where it only gathers others'."""
    public = {name: getattr(holder, name) for name in vars(holder) if not name.startswith("_")}
    there = {name: value for name, value in public.items() if callable(value)}
    own = [name for name, value in there.items() if getattr(value, "__module__", None) == holder.__name__]
    return sorted(own or there)[:MOST_NAMES] if inspect.ismodule(holder) else sorted(there)[:MOST_NAMES]
