"""Where an output folder's files come from, in the standards' words: in-toto, SLSA, CycloneDX, DSSE.

`documents` follows from what it is given alone. It imports nothing that is slow to import, since every conversion pays
for that; the libraries that know the published schemas hold it to them in the tests and in `verify`. ``lockfile.py``
is ``pinlite.lock``: what a conversion started from and made, to which another one can be held.

May import `pinlite.runner`, `pinlite.options`, and what these may import.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pinlite import digest
from pinlite.provenance import sbom, statement
from pinlite.provenance.resources import Resource, below, given
from pinlite.provenance.statement import Run
from pinlite.provenance.used import UsedImage
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Report
from pinlite.store import output

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Resource", "Run", "UsedImage", "below", "checksum", "documents", "given", "moved", "signed", "subjects"]


def documents(
    report: Report,
    recipe: Recipe,
    *,
    inside: Sequence[Resource],
    used: Iterable[UsedImage],
    materials: Iterable[Resource],
    run: Run,
    signers: Sequence[str] = (),
    key: "Ed25519PrivateKey | None" = None,
) -> dict[str, str]:
    """What lies beside the artifacts of a run, by file name: its report, and what tells where all of it comes from.

    ``inside`` are the files below those artifacts that are folders, ``materials`` what the user gave, ``signers`` the
    ids of keys whose word was taken for what other machines made.
    """
    images = tuple(used)
    written = {output.REPORT: report.to_json(), output.SBOM: sbom.of(images)}
    folders = {resource.name.partition("/")[0] for resource in inside}
    beside = [Resource(name, digest.of_bytes(text.encode())) for name, text in written.items()]
    files = [Resource(made.path, made.sha256) for made in report.artifacts if made.path not in folders]
    subjects = [*files, *inside, *beside]
    told = statement.of(subjects, recipe, materials, engine=report.engine, used=images, run=run, signers=signers)
    written |= {output.PROVENANCE: told, output.CHECKSUM: checksum(told.encode())}
    if key:
        written[output.SIGNATURE] = signed(told, key)
    return written


def signed(told: str, key: "Ed25519PrivateKey") -> str:
    """The line that vouches for a statement of provenance."""
    from pinlite.trust import envelope  # noqa: PLC0415  # cryptography is imported only where it is used

    return envelope.sign(told.encode(), statement.MEDIA_TYPE, key)


def subjects(told: str) -> dict[str, str]:
    """The digests of the files that a statement is about, by name."""
    return {each["name"]: each["digest"]["sha256"] for each in json.loads(told)["subject"]}


def moved(written: Mapping[str, str], root: str) -> dict[str, str]:
    """Documents that were written where ``root`` stood for /, and that nobody has signed, as they would be elsewhere:
    with the absolute paths that hold there, and what follows from these.
    """
    before = written[output.REPORT]
    report = before.replace(root, "")
    old, new = (digest.of_bytes(text.encode()) for text in (before, report))
    told = written[output.PROVENANCE].replace(root, "").replace(old, new)
    return {
        output.REPORT: report,
        output.SBOM: written[output.SBOM],
        output.PROVENANCE: told,
        output.CHECKSUM: checksum(told.encode()),
    }


def checksum(told: bytes) -> str:
    """As ``sha256sum`` prints it, so that it can check it."""
    return f"{digest.of_bytes(told)}  {output.PROVENANCE}\n"
