from typing import Unpack

import typer
from rich.text import Text

from pinlite.cli.consoles import data, log
from pinlite.errors import NoEngineError
from pinlite.maintenance.doctor import diagnose, fix
from pinlite.options.declared import DoctorOptions
from pinlite.ui.progress import ProgressView

_MARKS = {True: Text("ok", "green"), None: Text("--", "yellow"), False: Text("no", "red")}


def doctor(**given: Unpack[DoctorOptions]) -> None:
    if given["fix"]:
        with ProgressView(log) as view:
            fix(view)
    diagnosis = diagnose()
    for finding in diagnosis.findings:
        data.print(_MARKS[finding.ok], Text(f"{finding.subject:<15}{finding.text}"), soft_wrap=True)
        if finding.hint:
            data.print(Text(f"   hint: {finding.hint}", "cyan"), soft_wrap=True)
    if not diagnosis.can_convert:
        raise NoEngineError("nothing here can run the stages", hint="the lines above say what to do")
    typer.echo("ready to convert")
