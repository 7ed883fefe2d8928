"""Options that several commands share."""

from typing import Annotated

import typer
from rich.console import Console

from pinlite.choices import EngineChoice

Engine = Annotated[EngineChoice, typer.Option("--engine", help="What runs the stages.")]

log = Console(stderr=True)
data = Console()
