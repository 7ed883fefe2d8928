"""The commands, each built from its declaration when it is called, so that none waits for the imports of another."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import pinlite
from pinlite.cli.parameters import command
from pinlite.options.commands import COMMANDS, GROUPS

_USAGE = 2


class Commands(TyperGroup):
    """The commands whose declared names begin as this group's do."""

    def __init__(self, *, begins: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._begins = begins
        unmade: dict[str, Any] = dict.fromkeys(name for name, _ in self._helps())
        self.commands.update(unmade)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit(_USAGE)
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            name = self._begins + cmd_name
            self.commands[cmd_name] = command(cmd_name, COMMANDS[name]) if name in COMMANDS else _group(name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # as it is overridden
        with formatter.section("Commands"):
            formatter.write_dl(list(self._helps()))

    def _helps(self) -> Iterator[tuple[str, str]]:
        for name, declared in COMMANDS.items():
            rest = name.removeprefix(self._begins)
            if name.startswith(self._begins) and " " not in rest:
                yield rest, declared.help
        if not self._begins:
            yield from GROUPS.items()


def _group(name: str) -> Commands:
    return Commands(begins=f"{name} ", name=name, help=GROUPS[name], rich_markup_mode=None)


# Help is plain text: square brackets in it are no markup, and rendering it takes no time.
app = typer.Typer(
    cls=Commands,
    help="PyTorch to TFLite through pinned containers: converted, compared with PyTorch, the same bytes every time.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pinlite {pinlite.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
