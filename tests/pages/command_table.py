"""docs/cli.md: every command with its options by group, as they are declared."""

from collections.abc import Iterator
from itertools import groupby

from pinlite.options.commands import COMMANDS, Command
from pinlite.options.option import GROUPS, Argument, Field, Option, fields

PAGE = """\
# The command line

For everybody who looks up a command or an option. `make docs` writes this page from the declarations of options
(`pinlite.options.declared`) and commands; `--help` of a command shows the same. Repeat an option that says "once for
each".

A `pinlite.toml` has options of `pinlite convert`: its keys are the flags without dashes, `source` is the SOURCE, a flag
without a value is `true`, and an option that can be repeated is a list. The command line wins over the file, the file
over the default; paths in the file are relative to it. `pinlite schema recipe` prints its JSON Schema, for editors;
`report` and `lock` print those of report.json and pinlite.lock. [api.md](api.md) has the same commands from Python.

{commands}
"""


def page() -> str:
    return PAGE.format(
        commands="\n\n".join("\n".join(_section(name, command)) for name, command in COMMANDS.items()),
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
        yield from (f"| {_code(field.declared.metavar)} | {escaped(field.declared.help)} |" for field in arguments)
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
    default = "required" if option.required else escaped(option.shown_default)
    return f"| {_code(f'--{field.key} {metavar}'.strip())} | {default} | {escaped(option.help)} |"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
