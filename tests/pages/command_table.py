"""docs/cli.md: every command with its options by group, and the functions of `pinlite.api`, as they are declared."""

import inspect
from collections.abc import Iterator
from itertools import groupby

import pinlite
from pinlite import api
from pinlite.options.commands import COMMANDS, Command
from pinlite.options.declared import (
    CollectImagesOptions,
    ConvertOptions,
    DebugOptions,
    MatchOptions,
    RemoveImagesOptions,
)
from pinlite.options.option import GROUPS, Argument, Field, Option, fields

PAGE = """\
# The command line, and Python

For everybody who looks up a command or an option. `make docs` writes this page from the declarations of options
(`pinlite.options.declared`) and commands; `--help` of a command shows the same. Repeat an option that says "once for
each".

A `pinlite.toml` has options of `pinlite convert`: its keys are the flags without dashes, `source` is the SOURCE, a flag
without a value is `true`, and an option that can be repeated is a list. The command line wins over the file, the file
over the default; paths in the file are relative to it. `pinlite schema recipe` prints its JSON Schema, for editors;
`report` and `lock` print those of report.json and pinlite.lock.

{commands}

## From Python

`import pinlite` has a function for each command that converts, looks at or checks something. An option has the name of
its flag (`--dynamic-batch` is `dynamic_batch=True`), except these:

{renamed}

Paths are strings or `pathlib` paths. A type checker refuses an option, or a word for it, that does not exist.
`observe=` is called with each event of a run (`pinlite.events`). Errors are `pinlite.PinliteError`, with the command's
`exit_status` and a `hint`.

```python
import pinlite

variants = ["float32", "float16"]
report = pinlite.convert("net.py:build", inputs={{"image": "1x3x224x224"}}, variants=variants, out="build/net")
report.variants[0].parity  # the largest difference from PyTorch in each runtime, over the largest output
pinlite.diff("build/net/model.float32.tflite", "build/net/model.float16.tflite").summary
```

| function | |
|---|---|
{functions}
"""


DECLARATIONS = {
    "convert": ConvertOptions,
    "match": MatchOptions,
    "debug": DebugOptions,
    "images rm": RemoveImagesOptions,
    "images gc": CollectImagesOptions,
}


def page() -> str:
    renamed = [
        f"- `--{field.key}` of `{command}` is `{field.name}`"
        for command, declaration in DECLARATIONS.items()
        for field in fields(declaration)
        if field.key != field.name.replace("_", "-")
    ]
    return PAGE.format(
        commands="\n\n".join("\n".join(_section(name, command)) for name, command in COMMANDS.items()),
        renamed="\n".join(renamed),
        functions="\n".join(_function(name) for name in pinlite.__all__ if name in vars(api) and name.islower()),
    )


def _section(name: str, command: Command) -> Iterator[str]:
    found = list(fields(command.takes))
    arguments = [field for field in found if isinstance(field.declared, Argument)]
    usage = [_argument(field.declared) for field in arguments if isinstance(field.declared, Argument)]
    yield f"## pinlite {name}"
    yield ""
    yield command.help
    yield ""
    yield f"    {' '.join(['pinlite', name, *usage, *(['[OPTIONS]'] if len(found) > len(arguments) else [])])}"
    if arguments:
        yield from ("", "| argument | |", "|---|---|")
        yield from (f"| {_code(field.declared.metavar)} | {_text(field.declared.help)} |" for field in arguments)
    options = sorted((field for field in found if isinstance(field.declared, Option)), key=_group)
    for at, several in groupby(options, _group):
        yield from ("", f"| {GROUPS[at]} | default | |", "|---|---|---|")
        yield from map(_row, several)


def _group(field: Field) -> int:
    assert isinstance(field.declared, Option)
    return GROUPS.index(field.declared.group)


def _argument(argument: Argument) -> str:
    return argument.metavar if argument.required else f"[{argument.metavar}]"


def _row(field: Field) -> str:
    option = field.declared
    assert isinstance(option, Option)
    metavar = option.metavar or "|".join(getattr(field.takes, "__args__", ()))
    default = "required" if option.required else _text(option.shown_default)
    return f"| {_code(f'--{field.key} {metavar}'.strip())} | {default} | {_text(option.help)} |"


def _function(name: str) -> str:
    function = getattr(api, name)
    taken = [
        f"**{each.name}" if each.kind == each.VAR_KEYWORD else each.name
        for each in inspect.signature(function).parameters.values()
        if each.name != "observe"
    ]
    meaning = " ".join(inspect.getdoc(function).split("\n\n")[0].split())
    return f"| `{name}({', '.join(taken)})` | {_text(meaning.replace('``', '`'))} |"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
