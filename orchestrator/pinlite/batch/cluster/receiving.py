"""The folder of a task that was carried out elsewhere, written here as a conversion would write it."""

import json
import shutil
from pathlib import Path
from typing import Any

from pinlite import digest
from pinlite.batch import one_model
from pinlite.batch.cluster import exchange
from pinlite.batch.cluster.exchange import Exchange
from pinlite.batch.cluster.job import Blob, Listing, Outcome
from pinlite.batch.cluster.sending import Sent
from pinlite.errors import TamperedError
from pinlite.events import Observer
from pinlite.machine import temporary
from pinlite.schema.batch import ModelResult
from pinlite.store import output, runs
from pinlite.store.files import Store
from pinlite.store.runs import Shown

_LIES = "the worker, or what is between, does not do what it says: convert the model here"


def written(sent: Sent, outcome: Outcome, where: Exchange, own: str, observe: Observer) -> ModelResult:
    """Write what a worker has made, if it has, and keep it as the result of the task.

    Raises:
        RegistryError: The exchange is away, or does not have it.
        TamperedError: It does not hold together.
        UsageError: The folder can't be written.
    """
    assert outcome.result is not None, "only what was carried out is received"
    result = outcome.result.model_copy(
        update={"name": sent.task.name, "source": sent.task.source, "folder": sent.task.out.name}
    )
    if not outcome.files:
        return result
    store = Store()
    sent_from = {blob: Path(path) for path, blob in sent.job.files.items()}
    documents = {name: blob for name, blob in outcome.files.items() if name in output.DOCUMENTS}
    artifacts = {name: blob for name, blob in outcome.files.items() if name not in output.DOCUMENTS}
    with temporary.folder() as folder:
        for name, blob in documents.items():
            exchange.have(blob, Path(folder, name), where, store, observe)
        texts = {name: Path(folder, name).read_text(encoding="utf-8") for name in documents}
    report = _report(texts, artifacts, result)
    if sent.key:
        from pinlite.provenance import signed  # noqa: PLC0415  # cryptography is imported only where it is used

        texts[output.SIGNATURE] = signed(texts[output.PROVENANCE], sent.key)

    def fill(folder: Path) -> None:
        for name, blob in artifacts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # A model that was not changed is there once more.
            if not _is_copied(sent_from.get(blob), blob, folder / name):
                exchange.have(blob, folder / name, where, store, observe)

    output.publish(fill, texts, sent.recipe.out)
    if result.state == "right" and one_model.may_be_kept(sent.task, sent.recipe):
        runs.keep(one_model.words(sent.task), sent.recipe, sent.before, report, own=own)
    return result


def _is_copied(file: Path | None, blob: Blob, target: Path) -> bool:
    """Whether a file that was sent could be copied, and has the content that it had then."""
    if file is None:
        return False
    try:
        shutil.copyfile(file, target)
        if digest.of_file(target) == blob.sha256:
            return True
    except OSError:
        pass
    target.unlink(missing_ok=True)
    return False


def _report(texts: dict[str, str], artifacts: Listing, result: ModelResult) -> Any:
    """The report of a result, if it is of the files that have come."""
    try:
        report: Shown = json.loads(texts[output.REPORT], object_hook=Shown)
        told = {str(each.path): str(each.sha256) for each in report.artifacts}
        made = {each.path: each.sha256 for each in result.files}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TamperedError(f"what has come is no result: {error}", hint=_LIES) from None
    if {name.partition("/")[0] for name in artifacts} != {*told}:
        raise TamperedError("the files that have come are not those of their report", hint=_LIES)
    for name, sha256 in {**told, **made}.items():
        if _digest(name, artifacts) != sha256:
            raise TamperedError(f"{name} is not the one of its report", hint=_LIES)
    return report


def _digest(name: str, artifacts: Listing) -> str:
    if name in artifacts:
        return artifacts[name].sha256
    below = {
        path.removeprefix(f"{name}/"): blob.sha256 for path, blob in artifacts.items() if path.startswith(f"{name}/")
    }
    return digest.of_json(below)
