import time
from dataclasses import asdict
from typing import Any

import typer
from rich.text import Text

from pinlite import options
from pinlite.cli.consoles import data, print_json, progress
from pinlite.store import collection, record
from pinlite.store.files import Store
from pinlite.ui import tables
from pinlite.units import bytes_


def ls(*, json: bool) -> None:
    store = Store()
    if json:
        entries = [asdict(entry) for entry in collection.entries(store)]
        print_json({"folder": str(store.root), "size": collection.size(store), "records": entries})
        return
    data.print(Text(str(store.root)), soft_wrap=True)
    shown = tables.table("kept", "key", "stage", "made", "size", "last used", numbers=("size",))
    for entry in collection.entries(store):
        used = time.strftime("%Y-%m-%d", time.localtime(entry.used))
        more = f" +{len(entry.made) - 1}" if len(entry.made) > 1 else ""
        made = Text("".join(entry.made[:1]) + more)
        shown.add_row(entry.key[:12], entry.name, made, bytes_(entry.size), used)
    data.print(shown)
    data.print(Text(f"{bytes_(collection.size(store))} in all; files that several name count once"))


def show(*, key: str, json: bool) -> None:
    del json  # a record is nothing else
    store = Store()
    print_json(store.read(*collection.find(store, key)))


def explain(*, key: str, other: str | None = None, json: bool) -> None:
    store = Store()
    first = record.known(store, key)
    second = record.known(store, other) if other else record.nearest(store, first)
    if json:
        keys = {"key": first.key, "stage": f"{first.program} {first.operation}", "other": second and second.key}
        differences = list(record.differences_of(first, second)) if second else []
        print_json({**keys, "parts": dict(_parts(first)), "differences": differences})
        return
    typer.echo(f"{first.key}  {first.program} {first.operation}")
    if second is None:
        typer.echo("nothing else was kept of this stage; its key is the sha256 of")
        lines = [f"  {name} {value}" for name, value in _parts(first)]
    else:
        typer.echo(f"{second.key}  {second.program} {second.operation}")
        lines = list(record.differences_of(first, second))
    for line in lines:
        data.print(Text(line), soft_wrap=True)


def verify(*, json: bool) -> None:
    store = Store()
    with progress() as view, view.busy("hashing what is kept") as told:
        dropped = collection.damaged(store, told)
    if json:
        print_json({"records": len(collection.entries(store)), "dropped": dropped})
        return
    for path in dropped:
        data.print(Text(f"dropped {path}"), soft_wrap=True)
    typer.echo(f"{len(collection.entries(store))} records and all that they name are whole")


def gc(*, max_size: str, keep_days: float, json: bool) -> None:
    largest = options.size("--max-size", max_size)
    with progress() as view, view.busy("removing what is not needed"):
        freed = collection.collect(Store(), keep_days=keep_days, max_size=largest)
    if json:
        print_json(asdict(freed))
        return
    typer.echo(f"removed {freed.records} records and {freed.files} files: {bytes_(freed.size)}")


def clear(*, json: bool) -> None:
    store = Store()
    with progress() as view, view.busy("removing what is kept"):
        size = collection.size(store)
        collection.clear(store)
    if json:
        print_json({"size": size})
    else:
        typer.echo(f"removed {bytes_(size)}")


def _parts(preimage: record.Preimage) -> list[tuple[str, Any]]:
    return sorted(preimage.model_dump(mode="json", by_alias=True).items())
