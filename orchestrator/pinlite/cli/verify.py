from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pinlite.cli.options import data


def verify(
    folder: Annotated[Path, typer.Argument(help="The --out folder of `pinlite convert`.")],
    key: Annotated[
        Path | None, typer.Option(metavar="PUBLIC.pem", help="The Ed25519 key that must have signed it.")
    ] = None,
) -> None:
    """Say whether each file of a conversion is as it was made, and where it comes from."""
    # What reads schemas and keys takes longer to import than the other commands to start.
    from pinlite.provenance.verify import verify as verified

    found = verified(folder, key)
    lines = (
        f"{folder}: {found.files} files are as they were made",
        f"made of {found.source} by pinlite {found.version} ({found.builder}) at {found.finished}",
        _signed(found.keys, key if found.trusted else None),
    )
    data.print(Text("\n".join(lines)), soft_wrap=True)


def _signed(keys: tuple[str, ...], key: Path | None) -> str:
    if key:
        return f"signed by {key}"
    if keys:
        return f"signed by {', '.join(keys)}, which was not checked: --key PUBLIC.pem does"
    return "unsigned: whoever changed a file could have changed what it was compared with"
