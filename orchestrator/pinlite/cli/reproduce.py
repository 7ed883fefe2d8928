from typing import Unpack

from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, log
from pinlite.options.declared import RunningOptions
from pinlite.ui import tables
from pinlite.ui.progress import ProgressView
from pinlite.units import bytes_


def reproduce(*, record: str, **given: Unpack[RunningOptions]) -> None:
    with ProgressView(log) as view:
        report = api.reproduce(record, observe=view, **given)
    shown = tables.table("artifacts", "artifact", "size", "sha256", "", numbers=("size",))
    for artifact in report.artifacts:
        shown.add_row(Text(artifact.path), bytes_(artifact.size), artifact.sha256[:16], Text("the same bytes", "green"))
    data.print(shown)
    data.print(Text(f"{record} was reproduced by the {report.engine} engine"), soft_wrap=True)
