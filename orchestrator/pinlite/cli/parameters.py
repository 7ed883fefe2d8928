"""From a declared command to one of typer's: its arguments and options, and its help by groups."""

import importlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pinlite.options.commands import Command, Quiet
from pinlite.options.option import GROUPS, Argument, Field, Option, fields

# As wide as the lines of the source.
_WIDTH = 120


class GroupedCommand(TyperCommand):
    """Its help lists the options by their groups. ``alone`` is what flags mean without a value, which typer has not."""

    def __init__(self, *, alone: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._alone = alone
        for parameter in self.params:
            vars(parameter)["process_value"] = partial(_processed, parameter.process_value, required=parameter.required)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(
            ctx, [f"{each}={self._alone[each]}" if each in self._alone else each for each in args]
        )

    def format_options(self, ctx: Any, formatter: Any) -> None:
        shown = [parameter for parameter in self.get_params(ctx) if parameter.get_help_record(ctx)]
        for title, parameters in groupby(shown, lambda parameter: getattr(parameter, "rich_help_panel", None)):
            with formatter.section(title or "Options"):
                formatter.write_dl([parameter.get_help_record(ctx) for parameter in parameters])


def _processed(process: Callable[[Any, Any], Any], context: Any, value: Any, *, required: bool) -> Any:
    """A parameter's value. What is not given need not be checked, for which typer makes a validator of each option."""
    return process(context, value) if required or value is not None else None


def command(name: str, declared: Command) -> Any:
    """The command that typer runs."""
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone = {
        f"--{field.key}": field.declared.alone
        for field in fields(declared.takes)
        if isinstance(field.declared, Option) and field.declared.alone
    }
    cls: Any = partial(GroupedCommand, alone=alone)
    made.command(name, cls=cls, help=declared.help, context_settings={"max_content_width": _WIDTH})(_callback(declared))
    return typer.main.get_command(made)


def _callback(declared: Command) -> Callable[..., Any]:
    constants = {
        field.name: field.declared.default
        for field in fields(declared.takes)
        if isinstance(field.declared, Option) and field.declared.default is not None and not declared.with_file
        if field.name not in Quiet.__annotations__
    }

    def callback(**typed: Any) -> Any:
        given = {name: value for name, value in typed.items() if value is not None and value != []}
        from pinlite.cli.consoles import settle  # --help needs no console
        from pinlite.inputs import paths

        paths.check_text(given.values())
        settle(quiet=given.pop("quiet", False), no_progress=given.pop("no_progress", False))
        module, _, function = declared.run.partition(":")
        run = getattr(importlib.import_module(f"pinlite.cli.{module}"), function)
        return run(**constants | given)

    vars(callback)["__signature__"] = inspect.Signature(list(_parameters(declared.takes)))
    return callback


def _parameters(declaration: type) -> Iterator[inspect.Parameter]:
    for field in sorted(fields(declaration), key=_place):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.declared.required else None,
            annotation=Annotated[field.written if field.declared.required else field.written | None, _typed(field)],
        )


def _number(value: float | None) -> float | None:
    """Numbers are finite, as pinlite.toml has them: bounds let through what is no number."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


def _place(field: Field) -> int:
    """Arguments come before options, which are in the order of their groups."""
    return GROUPS.index(field.declared.group) if isinstance(field.declared, Option) else -1


def _typed(field: Field) -> Any:
    declared = field.declared
    if isinstance(declared, Argument):
        return typer.Argument(
            metavar=declared.metavar, help=declared.help, show_default=False, rich_help_panel="Arguments"
        )
    default = f"  [default: {declared.shown_default}]" if declared.shown_default else ""
    return typer.Option(
        f"--{field.key}",
        metavar=declared.metavar or None,
        help=declared.help + default,
        show_default=False,
        min=declared.ge,
        max=declared.le,
        callback=_number if field.written is float else None,
        rich_help_panel=declared.group,
    )
