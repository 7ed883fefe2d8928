"""Options that several commands share."""

from typing import Annotated

import typer

from pinlite.schema.choices import EngineChoice
from pinlite.ui.console import SafeConsole

Engine = Annotated[EngineChoice, typer.Option("--engine", help="What runs the stages.")]
ToolchainOption = Annotated[
    str, typer.Option("--toolchain", metavar="NAME|FILE.toml", help="Versions: one of `pinlite toolchain list`.")
]
Trust = Annotated[
    bool | None, typer.Option("--trust", help="Let the venv engine load a checkpoint, which is a program.")
]
Memory = Annotated[str | None, typer.Option(metavar="SIZE", help="What a stage may take, e.g. 4g [8g].")]
Disk = Annotated[str | None, typer.Option(metavar="SIZE", help="What a stage may write, e.g. 4g [16g].")]
Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="How long a stage may take [1800].")]

Verbose = Annotated[bool, typer.Option("--verbose", help="Show what the stages print, as they print it.")]

log = SafeConsole(stderr=True)
data = SafeConsole()
