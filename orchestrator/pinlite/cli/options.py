"""Options that several commands share."""

from typing import Annotated

import typer

from pinlite.choices import EngineChoice
from pinlite.ui.console import SafeConsole

Engine = Annotated[EngineChoice, typer.Option("--engine", help="What runs the stages.")]

log = SafeConsole(stderr=True)
data = SafeConsole()
