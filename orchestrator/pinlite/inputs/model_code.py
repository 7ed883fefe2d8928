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
                found += [node.name] * _takes_nothing(_method(node, "__init__"), bound=1)
        elif isinstance(node, ast.FunctionDef):
            found += [node.name] * _takes_nothing(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _last(node.value.func) in modules:
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return tuple(name for name in dict.fromkeys(found) if not name.startswith("_"))


def inputs(path: Path, name: str) -> tuple[str, ...]:
    """The parameters without a default that forward takes, of the class of this name, or of the one in the file that a
    function of this name returns an instance of; none where that can't be read.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return ()
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    made = name
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
            made = next((_last(each.func) for each in returned if isinstance(each, ast.Call)), "")
        elif isinstance(node, ast.Assign) and any(_last(target) == name for target in node.targets):
            made = _last(node.value.func) if isinstance(node.value, ast.Call) else ""
    forward = made in classes and _method(classes[made], "forward")
    if not forward:
        return ()
    arguments = [*forward.args.posonlyargs, *forward.args.args][1:]
    required = len(arguments) - len(forward.args.defaults)
    return tuple(argument.arg for argument in arguments[:required])


def _last(node: ast.expr) -> str:
    """The last name of a dotted one."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == name), None)


def _takes_nothing(function: ast.FunctionDef | None, bound: int = 0) -> bool:
    """Whether it can be called without arguments, but for the first ones, which are ``bound``."""
    if function is None:
        return True
    arguments = function.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required <= bound and None not in arguments.kw_defaults
