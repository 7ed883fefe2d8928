"""docs/api.md: the functions of `pinlite`, from their definitions and docstrings."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields as dataclass_fields
from typing import Any, get_args

from command_table import escaped

import pinlite
from pinlite import api, events
from pinlite.options.commands import COMMANDS
from pinlite.options.declared import (
    CollectImagesOptions,
    ConvertOptions,
    DebugOptions,
    MatchOptions,
    RemoveImagesOptions,
)
from pinlite.options.option import fields
from pinlite.schema.report import Report

PAGE = """\
# From Python

For everybody who converts from Python, and not from a shell. `import pinlite` has a function for each command that
converts, looks at or checks something. `make docs` writes this page from the functions and their docstrings.

```python
import pinlite

variants = ["float32", "float16"]
report = pinlite.convert("net.py:build", inputs={{"image": "1x3x224x224"}}, variants=variants, out="build/net")
report.variants[0].parity  # the largest difference from PyTorch in each runtime, over the largest output
pinlite.diff("build/net/model.float32.tflite", "build/net/model.float16.tflite").summary
```

A function takes the options of its command. An option has the name of its flag (`--dynamic-batch` is
`dynamic_batch=True`), except these:

{renamed}

Paths are strings or `pathlib` paths. A type checker refuses an option, or a word for it, that does not exist.

{functions}

## PinliteError

{error}

`exit_status` is that of the command, `report` that of a run that kept its results nevertheless, else None, and `logs`
the folder of the logs. [errors.md](errors.md) has every class, from `pinlite.errors`.

## Report

{report}

`pinlite schema report` prints its JSON Schema. Its fields: {report_fields}.

## Events

What `observe=` is called with, from `pinlite.events`; a batch has the events of its models within `InModel`:

| event | |
|---|---|
{events}
"""

DECLARATIONS = {
    "convert": ConvertOptions,
    "match": MatchOptions,
    "debug": DebugOptions,
    "images rm": RemoveImagesOptions,
    "images gc": CollectImagesOptions,
}

# What a page has room for.
WIDTH = 88

# Of the functions that are not called as their command is.
COMMAND_OF = {
    "images": "images list",
    "build_images": "images build",
    "remove_images": "images rm",
    "collect_images": "images gc",
}


def page() -> str:
    renamed: dict[tuple[str, str], list[str]] = {}
    for command, declaration in DECLARATIONS.items():
        for field in fields(declaration):
            if field.key != field.name.replace("_", "-"):
                renamed.setdefault((field.key, field.name), []).append(f"`{command}`")
    functions = sorted(
        (getattr(api, name) for name in pinlite.__all__ if name in vars(api) and name.islower()),
        key=lambda function: function.__code__.co_firstlineno,
    )
    return PAGE.format(
        renamed="\n".join(f"- `--{key}` of {', '.join(of)} is `{name}`" for (key, name), of in renamed.items()),
        functions="\n\n".join("\n".join(_section(function)) for function in functions),
        error=_markdown(inspect.getdoc(pinlite.PinliteError)),
        report=_markdown(inspect.getdoc(Report)),
        report_fields=", ".join(f"`{field.alias or name}`" for name, field in Report.model_fields.items()),
        events="\n".join(_event(kind) for kind in (*get_args(events.Event), *get_args(events.BatchEvent))),
    )


def _section(function: Callable[..., Any]) -> Iterator[str]:
    name = function.__name__
    command = COMMAND_OF.get(name, name)
    assert command in COMMANDS, f"{name} is no command"
    meaning, _, raised = (inspect.getdoc(function) or "").partition("\n\nRaises:\n")
    yield from (f"## {name}", "", "```python", _signature(function), "```", "")
    yield from (
        _markdown(meaning),
        "",
        f"The command: [pinlite {command}](cli.md#pinlite-{command.replace(' ', '-')}).",
    )
    if raised:
        yield from ("", "Raises:", "")
        entries = re.findall(r"(?ms)^    (\w+): (.*?)(?=^    \w|\Z)", raised)
        yield from (f"- `{kind}`: {_markdown(' '.join(when.split()))}" for kind, when in entries)


def _signature(function: Callable[..., Any]) -> str:
    """As it is defined, a parameter a line where one line is too long."""
    defined = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(defined, ast.FunctionDef)
    assert defined.returns
    arguments = re.split(r", (?=\*|\w+: )", ast.unparse(defined.args).replace("=", " = "))
    returned = ast.unparse(defined.returns).strip("'")
    line = f"{defined.name}({', '.join(arguments)}) -> {returned}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{defined.name}(", *(f"    {argument}," for argument in arguments), f") -> {returned}"])


def _event(kind: type) -> str:
    names = ", ".join(field.name for field in dataclass_fields(kind))
    # A dataclass without a docstring has its signature for one.
    meaning = (inspect.getdoc(kind) or "").partition(f"{kind.__name__}(")
    return f"| `{kind.__name__}({names})` | {escaped(_markdown(' '.join(meaning[0].split())))} |"


def _markdown(docstring: str | None) -> str:
    """Of reStructuredText's literals, and of names in one backquote, which both are code."""
    return (docstring or "").replace("``", "`")
