from dataclasses import asdict
from typing import Unpack

import typer
from rich.text import Text

from pinlite.cli.consoles import data, print_json, progress
from pinlite.cli.reports import printed
from pinlite.errors import NoEngineError
from pinlite.maintenance.doctor import Diagnosis, diagnose, fix
from pinlite.options.declared import DoctorOptions

_MARKS = {True: Text("ok", "green"), None: Text("--", "yellow"), False: Text("no", "red")}


def doctor(*, json: bool, **given: Unpack[DoctorOptions]) -> None:
    if given["fix"]:
        with progress() as view:
            fix(view)
    with progress() as view, view.busy("looking at this machine"):
        diagnosis = diagnose()
    if json:
        print_json({"can_convert": diagnosis.can_convert, **asdict(diagnosis)})
    else:
        _show(diagnosis)
    if not diagnosis.can_convert:
        raise printed(NoEngineError("nothing here can run the stages", hint="the lines above say what to do"))
    if not json:
        typer.echo("ready to convert")


def _show(diagnosis: Diagnosis) -> None:
    for finding in diagnosis.findings:
        data.print(_MARKS[finding.ok], Text(f"{finding.subject:<15}{finding.text}"), soft_wrap=True)
        if finding.hint:
            data.print(Text(f"   hint: {finding.hint}", "cyan"), soft_wrap=True)
