from dataclasses import asdict
from typing import TYPE_CHECKING, Unpack

from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, print_json, progress
from pinlite.cli.verify import described
from pinlite.options.declared import PullOptions

if TYPE_CHECKING:
    from pinlite.provenance.publishing import Published


def push(*, folder: str, to: str, json: bool) -> None:
    with progress() as view, view.busy(f"pushing {folder}"):
        found = api.push(folder, to)
    _show(found, json=json)


def pull(*, reference: str, json: bool, **given: Unpack[PullOptions]) -> None:
    with progress() as view, view.busy(f"pulling {reference}"):
        found = api.pull(reference, **given)
    _show(found, json=json)


def _show(found: "Published", *, json: bool) -> None:
    if json:
        verified = asdict(found.verified)
        print_json({"reference": str(found.reference), "folder": str(found.folder), "verified": verified})
        return
    keys = " or ".join(map(str, found.keys))
    lines = (f"{found.folder} is {found.reference}", *described(found.verified, keys, "--trust-key"))
    data.print(Text("\n".join(lines)), soft_wrap=True)
