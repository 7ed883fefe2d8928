"""The lines of code at which a model is while it is traced, and their statements."""

import ast
import functools
import re
import sys
from pathlib import Path

import numpy as np
import torch

OURS = Path(__file__).parents[1]
# The files of these hold no code of a model.
LIBRARIES = tuple(Path(library.__file__).parent for library in (np, torch))
# The innermost frames of what is traced end there.
EXPORT = str(Path(__file__).with_name("onnx_export.py"))
# A place in TorchScript's source, the last of which is the code's own.
SCRIPTED = re.compile(r'File "([^"]+)", line (\d+)')
# What makes words of tensors, which are in no result; and attention, which computes the same of equal tensors faster.
DECIDES_NOTHING = ("__format__", "__repr__", "__str__", "_str", "multi_head_attention_forward")
LONGEST = 80


def stack():
    """[(file, line, function)] of the code that runs, the innermost first, up to the call of the model."""
    found = []
    frame = sys._getframe(1)  # noqa: SLF001 - there is no other way to walk without reading sources
    while frame is not None and frame.f_code.co_filename != EXPORT:
        code = frame.f_code
        if not _is_below(code.co_filename, OURS):
            found.append((code.co_filename, frame.f_lineno, code.co_name))
        elif code.co_name == "_step":
            places = SCRIPTED.findall(frame.f_locals["node"].sourceRange())
            found += [(file, int(line), "") for file, line in places[-1:]]
        frame = frame.f_back
    return found


def exported(code):
    """The user's line that the operator comes from which torch.onnx now translates, or ''."""
    frame = sys._getframe(1)  # noqa: SLF001 - as above
    while frame is not None:
        if frame.f_code.co_name == "_run_symbolic_function":
            # Since torch 1.13 it is called node.
            name = "node" if "node" in frame.f_locals else "n"
            return code.line_in(frame.f_locals[name].sourceRange())
        frame = frame.f_back
    return ""


class Place:
    """Where in a `stack` something was taken: ``statement`` is its code on one line, or ''."""

    def __init__(self, frames, code):
        self._frames = frames
        at = next((frame for frame in frames if not _is_librarys(frame)), frames[0])
        user = next(filter(None, (code.short(file, line) for file, line, _ in frames)), "")
        inner = code.short(*at[:2]) or _short(*at[:2])
        self.name = inner if user in ("", inner) else "{}, in {}".format(user, inner)
        self._node, source = _statement(*at[:2])
        self.branches = isinstance(self._node, (ast.If, ast.While))
        self.statement = self._words(source, at[1])

    def decides_nothing(self):
        """Whether what was taken there is for checks alone, or for words."""
        return any(
            function in DECIDES_NOTHING or _is_check(_statement(file, line)[0]) for file, line, function in self._frames
        )

    def _words(self, source, line):
        if self._node is None:
            return ""
        text = source.splitlines()[line - 1]
        if self.branches:
            test = ast.get_source_segment(source, self._node.test)
            text = "{} {}".format("if" if isinstance(self._node, ast.If) else "while", test)
        text = " ".join(text.split())
        return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _is_librarys(frame):
    return any(_is_below(frame[0], library) for library in LIBRARIES)


@functools.lru_cache(maxsize=None)
def _is_below(file, folder):
    return folder in Path(file).parents


def _short(file, line):
    """A line of a package's file, or of a file in a TorchScript archive."""
    path = Path(file)
    if "site-packages" in path.parts:
        path = Path(*path.parts[path.parts.index("site-packages") + 1 :])
    return "{}:{}".format(path.name if path.is_absolute() else path, line)


def _is_check(node):
    """Whether a statement only sees that all is well."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.If) and all(isinstance(inner, ast.Raise) for inner in node.body)
    )


def _statement(file, line):
    """The innermost statement at a line of a file, as its syntax tree, and the file's source; (None, "") without."""
    tree, source = _parsed(file)
    around = [
        node
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.stmt) and node.lineno <= line <= node.end_lineno
    ]
    return max(around, key=lambda node: node.lineno, default=None), source


@functools.lru_cache(maxsize=None)
def _parsed(file):
    try:
        source = Path(file).read_text(encoding="utf-8")
        return ast.parse(source), source
    except (OSError, ValueError, SyntaxError):
        return None, ""
