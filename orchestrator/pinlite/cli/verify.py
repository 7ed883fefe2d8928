from dataclasses import asdict
from typing import Unpack

from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, print_json, progress
from pinlite.options.declared import VerifyOptions


def verify(*, folder: str, json: bool, **given: Unpack[VerifyOptions]) -> None:
    with progress() as view, view.busy(f"hashing the files of {folder}"):
        found = api.verify(folder, **given)
    if json:
        print_json(asdict(found))
        return
    lines = (
        f"{folder}: {found.files} files are as they were made",
        f"made of {found.source} by pinlite {found.version} ({found.builder}) at {found.finished}",
        _signed(found.keys, str(given["key"]) if found.trusted else ""),
    )
    data.print(Text("\n".join(lines)), soft_wrap=True)


def _signed(keys: tuple[str, ...], key: str) -> str:
    if key:
        return f"signed by {key}"
    if keys:
        return f"signed by {', '.join(keys)}, which was not checked: --key PUBLIC.pem does"
    return "unsigned: somebody who changed a file could have changed its digest in the statement too"
