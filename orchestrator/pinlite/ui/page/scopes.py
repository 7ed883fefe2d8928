"""Operators by the modules that they compute: a tree, each of whose scopes is small enough to be drawn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinlite.schema.operators import ConversionOperators, Operator

# More in one picture say nothing; so many of a scope's make a part of it then.
MOST, PART = 60, 40
# A scope of no more operators shows them all, whatever scopes they are in.
FLAT = 12
# More scopes within one another are one.
_DEEPEST = 32
# What the quantizer adds to the name of a tensor that it makes integers of.
_INTEGERS = re.compile(r"_(u?int8|int16)$")


@dataclass
class Scope:
    """``children`` are scopes, and the places of operators, in the order in which they are computed."""

    name: str
    children: "list[Scope | int]" = field(default_factory=list)

    def operators(self) -> Iterator[int]:
        for child in self.children:
            if isinstance(child, Scope):
                yield from child.operators()
            else:
                yield child


def nodes(operator: "Operator") -> list[str]:
    """The names of the ONNX nodes that an operator computes, the last one first: its output is called after them."""
    name = operator.outputs[0].name if operator.outputs else ""
    return [_INTEGERS.sub("", part).partition("/")[0] for part in name.split(";")]


def modules(found: "ConversionOperators") -> Mapping[str, str]:
    """PyTorch's module by the name that a node has in TensorFlow, which `stagekit.scopes` makes."""
    return {in_tensorflow(name): of[0] for name, of in found.modules.items() if of}


def in_tensorflow(name: str) -> str:
    replaced = re.sub("[^A-Za-z0-9_.-]", "_", name)
    return replaced if re.match("[A-Za-z0-9.]", replaced) else f"n{replaced}"


def tree(operators: "Sequence[Operator]", homes: Mapping[str, str]) -> Scope:
    """The scopes of a file; operators of no known module are in the outermost."""
    root = Scope("")
    known = {"": root}
    for at, operator in enumerate(operators):
        module = next((homes[node] for node in nodes(operator) if node in homes), "")
        scope, path = root, ""
        for part in filter(None, module.split(".", _DEEPEST)):
            path = f"{path}.{part}"
            if path not in known:
                known[path] = Scope(part)
                scope.children.append(known[path])
            scope = known[path]
        scope.children.append(at)
    return _small(_plain(root))


def _plain(scope: Scope) -> Scope:
    """Without scopes that hold but one thing, and without those within a small one."""
    within = list(scope.operators())
    if len(within) <= FLAT:
        return Scope(scope.name, [*within])
    children: list[Scope | int] = []
    for child in scope.children:
        if isinstance(child, int):
            children.append(child)
            continue
        inner = _plain(child)
        only = inner.children[0]
        if len(inner.children) > 1:
            children.append(inner)
        else:
            children.append(Scope(f"{inner.name}.{only.name}", only.children) if isinstance(only, Scope) else only)
    return Scope(scope.name, children)


def _small(scope: Scope) -> Scope:
    """With parts in place of more children than a picture has room for."""
    children = [_small(child) if isinstance(child, Scope) else child for child in scope.children]
    while len(children) > MOST:
        parts = [children[at : at + PART] for at in range(0, len(children), PART)]
        children = [Scope(f"part {at} of {len(parts)}", part) for at, part in enumerate(parts, 1)]
    return Scope(scope.name, children)
