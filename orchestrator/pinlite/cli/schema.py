from pathlib import Path

import typer

import pinlite.schema

SCHEMAS = Path(pinlite.schema.__file__).parent / "json"


def schema(*, name: str, json: bool) -> None:
    del json  # a schema is nothing else
    typer.echo((SCHEMAS / f"{name}.json").read_text(), nl=False)
