"""The files that an export may see: the model's module, and the modules beside it that it imports."""

import ast
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pinlite.errors import UsageError
from pinlite.inputs import paths

_HIDDEN = shutil.ignore_patterns("__pycache__", ".*")


def collect(source: Path, folder: Path) -> Path:
    """Copy a module file with the modules beside it that it imports, or a whole package, into a new folder; return it.

    Imports are read, not run: a file that only a computed import names is not found. Links that lead out of the
    module's folder are not copied, because they may lead to files that the user does not want to show.
    """
    folder.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, folder / source.name, ignore=_left_out(source))
        return folder
    for path in sorted(closure(source)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=_left_out(path))
        else:
            shutil.copyfile(path, folder / path.name)
    return folder


def collect_beside(sources: Sequence[Path], folder: Path, *others: Path) -> Path:
    """Copy several modules, each as `collect` does it, into a new folder; return it.

    Raises:
        UsageError: Two different modules have the same name: in two sources, or in ``others``, which are folders of
            modules that the same stage sees. Python has one module of a name.
    """
    folder.mkdir()
    for at, source in enumerate(sources):
        alone = collect(source, folder.with_name(f"{folder.name}-{at}"))
        for seen in (folder, *others):
            twice = next((name for name in _files(alone) & _files(seen) if not _same(alone / name, seen / name)), None)
            if twice:
                raise UsageError(
                    f"two modules are named {twice}: one beside {source}, another beside the model or its functions",
                    hint="give one of them another name",
                )
        shutil.copytree(alone, folder, dirs_exist_ok=True)
    return folder


def _left_out(top: Path) -> Callable[[str, list[str]], set[str]]:
    """The ``ignore`` of `shutil.copytree` in ``top``: hidden files, and links that are broken or lead out of it."""

    def chosen(folder: str, names: list[str]) -> set[str]:
        found = {name: Path(folder, name) for name in names}
        links = {name for name, path in found.items() if paths.leads_out(path, top) or not path.exists()}
        return _HIDDEN(folder, names) | links

    return chosen


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*.py")}


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def closure(first: Path) -> set[Path]:
    """The file and all modules beside it that it imports: files, and packages as folders."""
    found, waiting = {first}, [first]
    while waiting:
        path = waiting.pop()
        files = path.rglob("*.py") if path.is_dir() else [path]
        for name in (name for file in files for name in _imported(file)):
            package, module = first.parent / name, first.parent / f"{name}.py"
            there = {package: package.is_dir() and any(package.glob("*.py")), module: module.is_file()}
            new = {beside for beside in there if there[beside] and not paths.leads_out(beside, first.parent)} - found
            found |= new
            waiting += new
    return found


def package_of(file: Path) -> tuple[Path, str] | None:
    """The package that a file is in, and the module's name in it, where the file imports from that package by dots.

    Raises:
        UsageError: It does so, and lies in no package.
    """
    if not any(isinstance(node, ast.ImportFrom) and node.level for node in _nodes(file)):
        return None
    folder, names = file.absolute().parent, [file.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if len(names) == 1:
        raise UsageError(
            f"{file} imports from its own package, and its folder is none: it has no __init__.py",
            hint="put an empty __init__.py beside it, or leave out the dots: from blocks import Block",
        )
    return folder / names[0], ".".join(names)


def _imported(file: Path) -> Iterator[str]:
    """The top-level names of a file's absolute imports."""
    for node in _nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _nodes(file: Path) -> Iterator[ast.AST]:
    """What a file's code is made of; nothing if the file is not Python, which the export reports."""
    try:
        with warnings.catch_warnings():
            # Warnings about this code belong in the export's log.
            warnings.simplefilter("ignore")
            yield from ast.walk(ast.parse(file.read_bytes()))
    except (SyntaxError, ValueError):
        return
