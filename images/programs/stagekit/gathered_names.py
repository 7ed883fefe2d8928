"""Packages that gather the names of other modules, as TensorFlow's API does: a module is imported once somebody looks
up a name of it.
"""

import ast
import fnmatch
import importlib
import sys
import types
from importlib import util
from importlib.machinery import PathFinder


def import_by_name(*patterns):
    """From now on, import the packages of these patterns without executing them. A name that their code takes from
    another module is taken from there when it is looked up; they have no other names until they are executed.
    """
    sys.meta_path.insert(0, _Finder(patterns))


def execute(*packages):
    """Execute packages that were imported so, where they were."""
    for module in (sys.modules.get(package) for package in packages):
        if type(module) is _Package:
            module.__spec__.loader.execute(module)


class _Finder:
    def __init__(self, patterns):
        self._patterns = patterns

    def find_spec(self, name, path, target=None):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader and spec.submodule_search_locations:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader:
    """The loader of a package's spec, until the package is executed."""

    def __init__(self, loader):
        self._loader = loader
        self.names = {}

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        for statement in ast.parse(self._loader.get_source(module.__name__)).body:
            if isinstance(statement, ast.ImportFrom):
                origin = "." * statement.level + (statement.module or "")
                origin = util.resolve_name(origin, module.__name__)
                self.names.update((each.asname or each.name, (origin, each.name)) for each in statement.names)
        module.__class__ = _Package

    def execute(self, module):
        module.__class__ = types.ModuleType
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)


class _Package(types.ModuleType):
    """A package that is not executed. What the import system has set is there: its path, for one."""

    def __getattr__(self, name):
        names = self.__spec__.loader.names
        if name not in names:
            raise AttributeError("package {!r} has no name {!r} yet".format(self.__name__, name))
        # Past what is said below.
        value = self.__dict__[name] = self._imported(*names[name])
        return value

    def __setattr__(self, name, value):
        # The import system sets a submodule that is imported. The package's own name may be that of another module.
        if name not in self.__spec__.loader.names:
            super().__setattr__(name, value)

    def _imported(self, origin, name):
        module = importlib.import_module(origin)
        # A submodule of this package has its name in it.
        if module is not self and hasattr(module, name):
            return getattr(module, name)
        return importlib.import_module("{}.{}".format(origin, name))
