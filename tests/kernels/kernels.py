"""Run single operators of integers, in many forms, in every runtime of TFLite files, beside the real numbers they stand
for; write what comes out as JSON, and print what is off.

The exit status is 1 when a runtime computes something wrongly that no row of
`orchestrator/pinlite/auditing/runtime_faults.toml` tells, or rightly what a row says that it does not, or ends for it.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pinlite import toolchain
from pinlite.auditing import runtime_faults
from pinlite.auditing.runtime_faults import Fault
from pinlite.engine import VenvEngine
from pinlite.events import ignore
from pinlite.toolchain import Runtime

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WITHOUT, WITH = "", "XNNPACK"


@dataclass(frozen=True)
class Ran:
    """What became of each form in a runtime, with a ``delegate`` or without."""

    runtime: Runtime
    delegate: str
    forms: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.runtime.name, self.delegate)))

    def of(self, *states: str) -> list[dict[str, Any]]:
        return [form for form in self.forms if form["state"] in states]


def main() -> int:
    arguments = _arguments()
    everything = list(run(arguments.only))
    arguments.out.mkdir(parents=True, exist_ok=True)
    document = [{"runtime": ran.name, "forms": ran.forms} for ran in everything]
    (arguments.out / "kernels.json").write_text(json.dumps(document, indent=1) + "\n")
    shown = Console(width=200) if not sys.stdout.isatty() else Console()
    shown.print(_table(everything))
    wrong = [line for ran in everything for line in (*untold(ran), *stale(ran))]
    for line in wrong:
        shown.print(line, soft_wrap=True, markup=False)
    counts = (f"{ran.name} {len(ran.of('right'))} of {len(ran.of('right', 'off'))}" for ran in everything)
    shown.print(f"right: {', '.join(counts)}; {len(wrong)} other than the table of faults says", soft_wrap=True)
    return 1 if wrong else 0


def run(only: str = "*") -> Iterator[Ran]:
    """Each runtime of the default toolchain without a delegate, and those that have one with it."""
    chosen = toolchain.load()
    images = VenvEngine().ensure([chosen.images[runtime.image] for runtime in chosen.runtimes], ignore)
    folders = {runtime.image: Path(images[chosen.images[runtime.image].name].reference) for runtime in chosen.runtimes}
    home = folders[chosen.runtimes[-1].image]
    with tempfile.TemporaryDirectory(prefix="kernels-") as made:
        forms, printed = Path(made, "forms.npz"), Path(made, "printed.jsonl")
        _python(home, "judge.py", "write", str(forms), "--only", only)
        for runtime in chosen.runtimes:
            for delegate in (WITHOUT, WITH) if not runtime.select_tf else (WITHOUT,):
                options = ["--delegates"] if delegate else []
                printed.write_text("".join(_lines(folders[runtime.image], runtime.package, forms, options)))
                judged = _python(home, "judge.py", "judge", str(printed), "--only", only).stdout
                yield Ran(runtime, delegate, json.loads(judged))


def _lines(folder: Path, package: str, forms: Path, options: list[str]) -> Iterator[str]:
    """What the runtime prints, started again behind a form that ends its process."""
    after = -1
    while True:
        done = _python(folder, "in_runtime.py", package, str(forms), "--after", str(after), *options, check=False)
        lines = done.stdout.splitlines()
        yield from (f"{line}\n" for line in lines)
        if done.returncode == 0:
            return
        if done.returncode > 0 or not lines:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        after = json.loads(lines[-1])["number"]


def _python(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    paths = (folder / "programs", ROOT / "tests" / "programs" / "tflite_run", HERE)
    return subprocess.run(
        [folder / "environment" / "bin" / "python", *command],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE,
        stderr=None if check else subprocess.PIPE,
        text=True,
        check=check,
        timeout=600,
    )


def untold(ran: Ran) -> Iterator[str]:
    """What a runtime computes wrongly, or ends for, and no row tells."""
    for form in ran.of("off", "ended"):
        known = runtime_faults.known(ran.runtime.name, {form["operator"]: {form["type"]: 1}})
        if form["state"] == "ended" or not any(known):
            yield f"{ran.name}, {form['name']}: {form['state']} by {form['steps']} steps, {form['allowed']} allowed"


def stale(ran: Ran) -> Iterator[str]:
    """Rows about a runtime that is right, without XNNPACK, in those forms of them that were run."""
    for fault in runtime_faults.faults():
        if not ran.delegate and _forms(ran, fault) and fault.of(ran.runtime.name) and not shows(ran, fault):
            yield f"{ran.name} is right now: {fault.operator} of {fault.type} ({fault.what})"


def shows(ran: Ran, fault: Fault) -> bool:
    """Whether a runtime is wrong in one of the forms of a row."""
    return any(form["state"] == "off" for form in _forms(ran, fault))


def _forms(ran: Ran, fault: Fault) -> list[dict[str, Any]]:
    return [form for form in ran.forms if fnmatch.fnmatchcase(form["name"], fault.forms)]


def _table(everything: Iterable[Ran]) -> Table:
    """A row for each operator, type and runtime with something off."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("operator", "type", "runtime", "off", "steps", "allowed", "the worst"):
        table.add_column(column, overflow="fold")
    for ran in everything:
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for form in ran.of("off"):
            kinds.setdefault((form["operator"], form["type"]), []).append(form)
        for (operator, kind), forms in kinds.items():
            worst = max(forms, key=lambda form: form["steps"])
            figures = (f"{len(forms)}", f"{worst['steps']}", f"{worst['allowed']}")
            table.add_row(operator, kind, ran.name, *figures, worst["name"])
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="NAMES", help="patterns, with commas between")
    parser.add_argument(
        "--out", type=Path, default=Path("build/kernels"), metavar="DIR", help="where kernels.json goes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
