import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pinlite.cli.options import data
from pinlite.ui import tables
from pinlite.units import bytes_

if TYPE_CHECKING:
    from pinlite.store.record import Preimage

app = typer.Typer(help="The store of what was made before.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="A key, or as much of its beginning as it takes to tell it.")]


@app.command()
def ls() -> None:
    """List what is kept, used last first."""
    from pinlite.store import collection
    from pinlite.store.files import Store

    store = Store()
    data.print(Text(str(store.root)), soft_wrap=True)
    shown = tables.table("kept", "key", "stage", "made", "size", "last used", numbers=("size",))
    for entry in collection.entries(store):
        used = time.strftime("%Y-%m-%d", time.localtime(entry.used))
        more = f" +{len(entry.made) - 1}" if len(entry.made) > 1 else ""
        made = Text("".join(entry.made[:1]) + more)
        shown.add_row(entry.key[:12], entry.name, made, bytes_(entry.size), used)
    data.print(shown)
    data.print(Text(f"{bytes_(collection.size(store))} in all; files that several name count once"))


@app.command()
def show(key: Key) -> None:
    """Print a record as JSON: all that its key is made of, and what was made."""
    import json

    from pinlite.store import collection
    from pinlite.store.files import Store

    store = Store()
    typer.echo(json.dumps(store.read(*collection.find(store, key)), sort_keys=True, indent=2))


@app.command()
def explain(
    key: Key,
    other: Annotated[str | None, typer.Argument(metavar="[KEY2]", help="Another one of the same stage.")] = None,
) -> None:
    """Say how a key differs from another: from the one of its stage that is most like it, unless one is given."""
    from pinlite.store import record
    from pinlite.store.files import Store

    store = Store()
    first = record.known(store, key)
    second = record.known(store, other) if other else record.nearest(store, first)
    typer.echo(f"{first.key}  {first.program} {first.operation}")
    if second is None:
        typer.echo("nothing else was kept of this stage; its key is the sha256 of")
        lines = [f"  {name} {value}" for name, value in _parts(first)]
    else:
        typer.echo(f"{second.key}  {second.program} {second.operation}")
        lines = list(record.differences_of(first, second))
    for line in lines:
        data.print(Text(line), soft_wrap=True)


@app.command()
def verify() -> None:
    """Hash all that is kept, and drop what is damaged."""
    from pinlite.store import collection
    from pinlite.store.files import Store

    store = Store()
    dropped = collection.damaged(store)
    for path in dropped:
        data.print(Text(f"dropped {path}"), soft_wrap=True)
    typer.echo(f"{len(collection.entries(store))} records and all that they name are whole")


@app.command()
def gc(
    max_size: Annotated[str, typer.Option(metavar="SIZE", help="What may stay, e.g. 10g.")] = "10g",
    keep_days: Annotated[float, typer.Option(metavar="DAYS", min=0, help="What was used since then may stay.")] = 30,
) -> None:
    """Remove what was not used for long, and what no record names."""
    from pinlite import options
    from pinlite.store import collection
    from pinlite.store.files import Store

    freed = collection.collect(Store(), keep_days=keep_days, max_size=options.size("--max-size", max_size))
    typer.echo(f"removed {freed.records} records and {freed.files} files: {bytes_(freed.size)}")


@app.command()
def clear() -> None:
    """Remove all of it, and what older versions of pinlite have kept."""
    from pinlite.store import collection
    from pinlite.store.files import Store

    store = Store()
    size = collection.size(store)
    collection.clear(store)
    typer.echo(f"removed {bytes_(size)}")


def _parts(preimage: "Preimage") -> list[tuple[str, Any]]:
    return sorted(preimage.model_dump(mode="json", by_alias=True).items())
