"""What a file of Python has that may be a model: it is read, not run."""

import ast
from pathlib import Path

_MODULE = "Module"


def models(path: Path) -> tuple[str, ...]:
    """The names of a file that give a model without arguments, in its order: functions, classes of modules, and what
    is made of these. Nothing of a file that is not Python.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return ()
    modules: set[str] = set()
    found: list[str] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            if any(_last(base) == _MODULE or _last(base) in modules for base in node.bases):
                modules.add(node.name)
                found += [node.name] * _takes_nothing(_init(node), bound=1)
        elif isinstance(node, ast.FunctionDef):
            found += [node.name] * _takes_nothing(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _last(node.value.func) in modules:
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return tuple(name for name in dict.fromkeys(found) if not name.startswith("_"))


def _last(node: ast.expr) -> str:
    """The last name of a dotted one."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)


def _takes_nothing(function: ast.FunctionDef | None, bound: int = 0) -> bool:
    """Whether it can be called without arguments, but for the first ones, which are ``bound``."""
    if function is None:
        return True
    arguments = function.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required <= bound and None not in arguments.kw_defaults
