"""The files that an export may see: the model's module, the modules beside it that it imports, and the files there that
their code names.
"""

import ast
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pinlite.errors import UsageError
from pinlite.inputs import paths

_HIDDEN = shutil.ignore_patterns("__pycache__", ".*")
# Of a file that code names: its size in bytes, the characters of its name, and the parts that the name is joined of.
_LARGEST = 512 * 1024**2
_LONGEST = 255
_MOST_PARTS = 16


def collect(source: Path, folder: Path) -> Path:
    """Copy a module file with its `closure`, or a whole package, into a new folder; return it.

    Links that lead out of the module's folder are not copied, because they may lead to files that the user does not
    want to show.
    """
    folder.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, folder / source.name, ignore=_left_out(source))
        return folder
    for path in sorted(closure(source)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=_left_out(path))
        else:
            copy = folder / path.relative_to(source.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def collect_beside(sources: Sequence[Path], folder: Path, *others: Path) -> Path:
    """Copy several modules, each as `collect` does it, into a new folder; return it.

    Raises:
        UsageError: Two different files have the same name: in two sources, or in ``others``, which are folders that the
            same stage sees. Python has one module of a name, and a stage one file.
    """
    folder.mkdir()
    for at, source in enumerate(sources):
        alone = collect(source, folder.with_name(f"{folder.name}-{at}"))
        for seen in (folder, *others):
            twice = next((name for name in _files(alone) & _files(seen) if not _same(alone / name, seen / name)), None)
            if twice:
                raise UsageError(
                    f"two files are named {twice}: one beside {source}, another beside the model or its functions",
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
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def closure(first: Path) -> set[Path]:
    """The file, all modules beside it that it imports (files, and packages as folders), and the files beside or below
    it that the code of these names.

    The code is read, not run: what only a computed import or a computed name leads to is not found.
    """
    found, waiting = {first}, [first]
    named: set[Path] = set()
    while waiting:
        path = waiting.pop()
        files = path.rglob("*.py") if path.is_dir() else [path]
        for node in (node for file in files for node in _nodes(file)):
            named.add(first.parent / _name(node))
            for name in _imported(node):
                package, module = first.parent / name, first.parent / f"{name}.py"
                there = {package: package.is_dir() and any(package.glob("*.py")), module: module.is_file()}
                new = {
                    beside for beside in there if there[beside] and not paths.leads_out(beside, first.parent)
                } - found
                found |= new
                waiting += new
    packages = {path for path in found if path.is_dir()}
    return found | {file for file in named if _is_shown(file, first.parent) and packages.isdisjoint(file.parents)}


def _is_shown(file: Path, folder: Path) -> bool:
    """Whether the code in a folder may see a file that it names."""
    if any(part.startswith(".") for part in file.relative_to(folder).parts):
        return False
    try:
        there = file.is_file() and file.stat().st_size <= _LARGEST
    except OSError:
        return False
    return there and file.resolve().is_relative_to(folder.resolve())


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


def _imported(node: ast.AST) -> Iterator[str]:
    """The top-level names that an absolute import is of."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def _name(node: ast.AST) -> str:
    """What an expression says of a relative path: a text, or those that / or the arguments of a call join; else ''."""
    if isinstance(node, ast.Constant):
        text = node.value
        return text.strip("/") if isinstance(text, str) and len(text) <= _LONGEST and text.isprintable() else ""
    parts: list[ast.expr] = []
    if isinstance(node, ast.Call):
        parts = node.args
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and len(parts) < _MOST_PARTS:
        parts = [*([] if isinstance(node.left, ast.BinOp) else [node.left]), node.right, *parts]
        node = node.left
    return "/".join(filter(None, map(_name, parts)))


def _nodes(file: Path) -> Iterator[ast.AST]:
    """What a file's code is made of; nothing if the file is not Python, which the export reports."""
    try:
        with warnings.catch_warnings():
            # Warnings about this code belong in the export's log.
            warnings.simplefilter("ignore")
            yield from ast.walk(ast.parse(file.read_bytes()))
    except (SyntaxError, ValueError):
        return
