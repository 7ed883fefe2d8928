"""Packages that a framework imports though nothing here uses them: each is loaded once somebody looks into it."""

import sys
import types
from importlib.machinery import PathFinder


def defer(*packages):
    """From now on, import each module of these packages as an empty one, which fills itself when a name is looked up in
    it. An error in its code then shows there.
    """
    sys.meta_path.insert(0, _Finder(packages))


class _Finder:
    def __init__(self, packages):
        self._packages = packages

    def find_spec(self, name, path, target=None):
        if not any(name == package or name.startswith(package + ".") for package in self._packages):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader:
    """The loader of a module's spec, until the module is loaded."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__class__ = _Deferred

    def load(self, module):
        # As an import would have had it: modules that import each other rely on that.
        package = sys.modules.get(module.__name__.rpartition(".")[0])
        if type(package) is _Deferred:
            package.__spec__.loader.load(package)
        if type(module) is not _Deferred:
            return
        module.__class__ = types.ModuleType
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)


class _Deferred(types.ModuleType):
    """A module that is not loaded yet. What the import system has set is there: its path, for one."""

    def __getattr__(self, name):
        # What is not said of a module, such as a version, is asked for by who lists modules, and loads nothing;
        # `from package import *` asks for this one.
        if name.startswith("__") and name != "__all__":
            raise AttributeError("module {!r} has no attribute {!r} yet".format(self.__name__, name))
        self.__spec__.loader.load(self)
        return getattr(self, name)
