"""The output folder: checked before any work, replaced as a whole, never over something else."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from pinlite.errors import UsageError
from pinlite.machine import temporary, writing
from pinlite.schema.choices import VariantName

REPORT = "report.json"
OPERATORS = "operators.json"
LABELS = "labels.txt"
SBOM = "sbom.json"
PROVENANCE = "provenance.json"
CHECKSUM = f"{PROVENANCE}.sha256"
SIGNATURE = "provenance.intoto.jsonl"

# Not of an artifact, but there where a report is.
DOCUMENTS = {REPORT, SBOM, PROVENANCE, CHECKSUM, SIGNATURE}

# What is added to a result, and of which nothing is on record: the page, and what `pinlite debug` finds in a variant.
PAGE = "report.html"
LAYERS = {variant: f"debug.{variant}.txt" for variant in get_args(VariantName)}
DEBUGGED = {variant: f"debug.{variant}.json" for variant in get_args(VariantName)}
ADDED = {PAGE, *LAYERS.values(), *DEBUGGED.values()}

# Where a result waits that another one is about to take the place of.
_EARLIER = "earlier"


def check(out: Path, source: str) -> None:
    """Refuse, with a UsageError, a folder that holds something else than an earlier result of the same source, as the
    command line had it, or that can't be written.

    What a run that was killed has left beside it goes, and the result that it was about to replace comes back.
    """
    _heal(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file", hint="give a folder that is new or holds an earlier result")
    if out.is_dir():
        earlier, files = _earlier(out)
        strange = sorted({path.name for path in out.iterdir()} - files - ADDED)
        if strange:
            raise UsageError(
                f"--out {out} holds something else than an earlier result: {', '.join(strange[:5])}",
                hint="give a folder that is new or has an earlier result; no file was changed",
            )
        if files and _is_another(earlier, source):
            raise UsageError(
                f"--out {out} holds the result of another source: {earlier}, not {source}",
                hint="give each of them a folder with --out, or remove this one; no file was changed",
            )
    ancestor = next(folder for folder in out.absolute().parents if folder.exists())
    try:
        tempfile.TemporaryDirectory(dir=ancestor, prefix=f".{out.name}-").cleanup()
    except OSError as error:
        raise UsageError(
            f"--out {out} can't be made: {ancestor} can't be written: {error.strerror}", hint="give another folder"
        ) from error


def earlier_times(out: Path) -> dict[str, float]:
    """What each stage took when the result in the folder was made, in seconds; nothing where there is none."""
    try:
        stages = json.loads((out / REPORT).read_text())["stages"]
        return {str(stage["name"]): float(stage["seconds"]) for stage in stages if stage["source"] != "skipped"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def copying(artifacts: Mapping[str, Path]) -> Callable[[Path], None]:
    """What `publish` fills the folder with: files and folders under their names. Those that the run has made itself,
    and is about to remove, are not copied but get a second name.
    """

    def fill(folder: Path) -> None:
        for name, path in artifacts.items():
            _copy(path, folder / name)

    return fill


def publish(fill: Callable[[Path], None], documents: Mapping[str, str], out: Path) -> None:
    """Put a whole result in the place of an earlier one, or of nothing. ``fill`` writes the artifacts into a folder;
    ``documents`` are texts by file name.

    It is written beside ``out`` and renamed, so that ``out`` is never half a result.
    """
    check(out, json.loads(documents[REPORT])["source"])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary.folder(beside=out) as folder:
            result = Path(folder, "result")
            result.mkdir()
            fill(result)
            for name, text in documents.items():
                (result / name).write_text(text, encoding="utf-8", newline="")
            _swap(result, out, Path(folder, _EARLIER))
    except OSError as error:
        raise UsageError(
            f"--out {out} can't be written: {writing.reason(error)}", hint="make room there, or give another folder"
        ) from error


def _heal(out: Path) -> None:
    for leftover in temporary.leftovers(beside=out):
        with contextlib.suppress(OSError):
            if not out.exists() and (leftover / _EARLIER).exists():
                (leftover / _EARLIER).replace(out)
            shutil.rmtree(leftover)


def _swap(result: Path, out: Path, earlier: Path) -> None:
    """Rename the result to its place; whatever stops it, even ^C, the earlier one is not lost."""
    try:
        if out.exists():
            out.replace(earlier)
        result.replace(out)
    except BaseException:
        if earlier.exists() and not out.exists():
            earlier.replace(out)
        raise


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), copy_function=temporary.lay)
    else:
        temporary.lay(source, target)


def _earlier(out: Path) -> tuple[str, set[str]]:
    """The source of the earlier run whose result the folder holds, and what that left there, as its report says;
    nothing where there is no report.
    """
    try:
        report = json.loads((out / REPORT).read_text())
        if report["schema"].startswith("pinlite.report/"):
            return str(report["source"]), {*DOCUMENTS, *(artifact["path"] for artifact in report["artifacts"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return "", set()


def _is_another(earlier: str, source: str) -> bool:
    """Whether two sources, as command lines had them, are not the same. A relative path may have been given in another
    folder: where it leads nowhere from here, it is one with a path that ends so.
    """
    before, now = Path(os.path.abspath(earlier)), Path(os.path.abspath(source))  # noqa: PTH100  # not all are paths
    if before == now:
        return False
    end = tuple(part for part in Path(os.path.normpath(earlier)).parts if part != os.pardir)
    file = before.with_name(before.name.partition(":")[0])
    return file.exists() or now.parts[-len(end) :] != end
