from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Unpack

from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, print_json, progress
from pinlite.options.declared import VerifyOptions

if TYPE_CHECKING:
    from pinlite.provenance.verify import Verified


def verify(*, folder: str, json: bool, **given: Unpack[VerifyOptions]) -> None:
    with progress() as view, view.busy(f"hashing the files of {folder}"):
        found = api.verify(folder, **given)
    if json:
        print_json(asdict(found))
        return
    first, *others = described(found, str(given["key"]) if found.trusted else "", "--key")
    data.print(Text("\n".join([f"{folder}: {first}", *others])), soft_wrap=True)


def described(found: "Verified", keys: str, option: str) -> Iterator[str]:
    """Lines on a folder that was verified; ``keys`` are the files of keys that were asked for by an option."""
    yield f"{found.files} files are as they were made"
    yield f"made of {found.source} by pinlite {found.version} ({found.builder}) at {found.finished}"
    if keys:
        yield f"signed by {keys}"
    elif found.keys:
        yield f"signed by {', '.join(found.keys)}, which was not checked: {option} PUBLIC.pem does"
    else:
        yield "unsigned: somebody who changed a file could have changed its digest in the statement too"
