"""Reading what batches have left: a batch.json, or one for each shard that somebody has put into one folder."""

from pathlib import Path

from pydantic import ValidationError

from pinlite.errors import UsageError
from pinlite.schema.batch import BatchReport

_FILE = "batch"
_SUFFIX = ".json"


def file(folder: Path, shard: str = "") -> Path:
    """Where the report of a batch is, or of its share NUMBER/COUNT."""
    share = f"-{shard}".replace("/", "-of-") if shard else ""
    return folder / f"{_FILE}{share}{_SUFFIX}"


def has_one(folder: Path) -> bool:
    return bool(_files(folder))


def report(folder: Path) -> BatchReport:
    """The report of a batch; those of shards together, where there is none of the whole.

    Raises:
        UsageError: One can't be read, or is of another version.
    """
    whole, *others = (_read(path) for path in _files(folder))
    if not whole.shard:
        return whole
    parts = [whole, *others]
    return whole.model_copy(
        update={
            "shard": "",
            "date": min(part.date for part in parts),
            "seconds": max(part.seconds for part in parts),
            "models": tuple(model for part in parts for model in part.models),
        }
    )


def _files(folder: Path) -> list[Path]:
    """Of the whole, or of shards."""
    whole = file(folder)
    return [whole] if whole.is_file() else sorted(folder.glob(f"{_FILE}-*-of-*{_SUFFIX}"))


def _read(path: Path) -> BatchReport:
    try:
        return BatchReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path} is no report of a batch of this version", hint="give a folder that `pinlite batch` has written"
        ) from error
