"""Checking that an output folder is unchanged since its conversion.

Importing this imports what reads schemas and keys; it raises a UsageError where pinlite was installed without that.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pinlite import digest
from pinlite.errors import TamperedError, UsageError
from pinlite.provenance import checksum, statement
from pinlite.schema.report import Report
from pinlite.store.output import ADDED, CHECKSUM, PROVENANCE, REPORT, SBOM, SIGNATURE
from pinlite.trust import envelope
from pinlite.trust.keys import TrustedKeys

try:
    from pinlite.provenance import schemas
except ModuleNotFoundError as missing:
    raise UsageError(
        f"verify needs packages that are not installed: module {missing.name} is missing",
        hint='pip install "pinlite[verify]"',
    ) from missing

# What a folder has beside the files that its statement is about.
_AROUND = {PROVENANCE, CHECKSUM, SIGNATURE, *ADDED}

_Files = Mapping[str, Path]


@dataclass(frozen=True)
class Verified:
    """A folder that is as it was made. ``keys`` are those that have signed it, as they call themselves; ``trusted``
    says that a key that was asked for is one of them.
    """

    files: int
    source: str
    builder: str
    version: str
    finished: str
    keys: tuple[str, ...]
    trusted: bool


def verify(folder: Path, *keys: Path, option: str = "--key", called: str = "") -> Verified:
    """Compare each file with ``provenance.json`` and ``report.json``, and these with each other and their schemas.

    ``keys`` are files of public keys, which ``option`` gave; where there are any, one of them has to have signed it.
    The folder is ``called`` otherwise in errors, where it is but on its way.

    Raises:
        UsageError: The folder is no result of a conversion, or one of ``keys`` has no public key.
        TamperedError: The message names each file that has changed, is missing, or is not of the conversion; or
            none of the ``keys`` has signed it.
    """
    trusted = TrustedKeys.of(keys, option=option)
    where = called or str(folder)
    files = {path.relative_to(folder).as_posix(): path for path in _below(folder)}
    if not {PROVENANCE, REPORT} & set(files):
        raise UsageError(
            f"{where} is not the output folder of a conversion", hint="give the --out folder of pinlite convert"
        )
    _refuse(where, (f"{name} is no plain file" for name in sorted(files) if not _is_plain(files[name])))
    _refuse(where, _wrong_checksum(files))
    try:
        subjects, provenance = schemas.read_statement(files[PROVENANCE].read_bytes().decode())
    except ValueError as error:
        raise _tampered(where, [f"{PROVENANCE} is no SLSA provenance: {error}"]) from None
    _refuse(where, _wrong_files(files, subjects))
    _refuse(where, _wrong_documents(files, subjects))
    _refuse(where, _wrong_signature(files, trusted, " or ".join(map(str, keys))))
    run = provenance.run_details
    return Verified(
        files=len(files.keys() - ADDED),
        source=_report(files[REPORT]).source,
        builder=run.builder.id,
        version=run.builder.version.get("pinlite", ""),
        finished=run.metadata.finished_on.ToJsonString(),
        keys=tuple(signed.keyid for signed in _envelope(files[SIGNATURE]).signatures) if SIGNATURE in files else (),
        trusted=bool(trusted),
    )


def _refuse(where: str, wrong: Iterable[str]) -> None:
    if lines := list(wrong):
        raise _tampered(where, lines)


def _tampered(where: str, wrong: Iterable[str]) -> TamperedError:
    return TamperedError(
        "\n  ".join([f"{where} has changed since its conversion:", *wrong]),
        hint="don't trust it: convert again, or get it again from its source",
    )


def _wrong_checksum(files: _Files) -> Iterator[str]:
    for name in (PROVENANCE, CHECKSUM):
        if name not in files:
            yield f"{name} is missing"
    if {PROVENANCE, CHECKSUM} <= set(files):
        written = files[PROVENANCE].read_bytes()
        if files[CHECKSUM].read_bytes() != checksum(written).encode():
            yield f"{PROVENANCE} is not what {CHECKSUM} says"


def _wrong_files(files: _Files, subjects: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{PROVENANCE} says nothing of {name}" for name in (REPORT, SBOM) if name not in subjects)
    for name in sorted({*files, *subjects} - _AROUND):
        if name not in files:
            yield f"{name} is missing"
        elif name not in subjects:
            yield f"{name} is not of the conversion"
        elif digest.of_file(files[name]) != subjects[name]:
            yield f"{name} has changed"


def _wrong_documents(files: _Files, subjects: Mapping[str, str]) -> Iterator[str]:
    try:
        schemas.check_sbom(files[SBOM].read_bytes().decode())
    except ValueError as error:
        yield f"{SBOM} is no CycloneDX: {error}"
    try:
        report = _report(files[REPORT])
    except ValueError as error:
        yield f"{REPORT} is no report of this version: {error}"
        return
    known = {REPORT, SBOM}
    for artifact in report.artifacts:
        below = {name: subjects[name] for name in subjects if name.startswith(f"{artifact.path}/")}
        known |= {artifact.path, *below}
        tree = digest.of_json({name.removeprefix(f"{artifact.path}/"): sha256 for name, sha256 in below.items()})
        if artifact.sha256 != subjects.get(artifact.path, tree):
            yield f"{artifact.path}: {REPORT} and {PROVENANCE} differ"
    yield from (f"{name}: {REPORT} says nothing of it" for name in sorted(set(subjects) - known))


def _wrong_signature(files: _Files, trusted: TrustedKeys, keys: str) -> Iterator[str]:
    if SIGNATURE not in files:
        if trusted:
            yield f"it is unsigned: there is no {SIGNATURE}"
        return
    try:
        signed = _envelope(files[SIGNATURE])
    except ValueError as error:
        yield f"{SIGNATURE} is no signature: {error}"
        return
    if signed.payload != files[PROVENANCE].read_bytes():
        yield f"{SIGNATURE} is of another {PROVENANCE}"
    elif trusted and not trusted.signer(signed):
        yield f"{SIGNATURE} is not signed by {keys}"


def _report(path: Path) -> Report:
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


def _envelope(path: Path) -> envelope.Envelope:
    return envelope.read(path.read_bytes(), statement.MEDIA_TYPE)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _below(folder: Path) -> Iterator[Path]:
    """All that is no folder; a link to one is not followed."""
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
        yield from (Path(parent, name) for name in folders if Path(parent, name).is_symlink())
