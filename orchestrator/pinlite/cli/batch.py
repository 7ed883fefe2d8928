from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from pinlite.batch import batch as batches
from pinlite.cli import ci
from pinlite.cli.consoles import log
from pinlite.cli.reports import page_of_batch, printed, show_batch, written
from pinlite.errors import BatchError
from pinlite.options.declared import BatchOptions
from pinlite.ui import markdown
from pinlite.ui.batch_progress import BatchView


def batch(
    *, sources: Sequence[str] = (), json: bool = False, html: str | None = None, **given: Unpack[BatchOptions]
) -> None:
    prepared = batches.prepared(sources, given)
    with BatchView(log, len(prepared.tasks)) as view:
        report = batches.run(prepared, view)
    show_batch(report, json=json)
    if html:
        written("--html", Path(html), page_of_batch(report, prepared.out))
    if ci.is_here():
        ci.summarize(markdown.of_batch(report, str(prepared.out)))
    if not report.ok:
        right = sum(model.state == "right" for model in report.models)
        raise printed(
            BatchError(
                f"{len(report.models) - right} of {len(report.models)} models are not right",
                hint=f"the lines before say why, and so does {batches.file_of(prepared)}; the same command again "
                "takes up where this one has ended",
            )
        )
