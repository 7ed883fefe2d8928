"""Every operator test of the onnx package through translate, convert and TensorFlow's TFLite interpreter.

Writes build/conformance/: conformance.json, a result for each case, and conformance.md, the table by operator. Fails if
a case is wrong or crashes, if less than the target passes of what TFLite can express, or if inexpressible.toml lies.
"""

import argparse
import fnmatch
import itertools
import json
import os
import queue
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from recipes import adding

from pinlite import toolchain
from pinlite.contract import Request, Response
from pinlite.engine import Image, Job, VenvEngine
from pinlite.errors import StageCrashError
from pinlite.events import ignore
from pinlite.schema.recipe import Limits
from pinlite.toolchain import ImageRecipe

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "build" / "conformance"

# What a listed case has to be, by the kind of list.
LISTS = {"inexpressible": "refused", "disputed": "wrong"}
STATUSES = ("pass", "refused", "wrong", "crashed", *LISTS)
TARGET = 0.97
QUICK = 8  # every eighth case: below a minute on two cores
LIMITS = Limits(memory=3 * 1024**3, timeout=60, processes=256)


Lists = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    name: str
    operator: str


@dataclass(frozen=True)
class Result:
    """``constants``: the case passes once all that it feeds beside its first input are constants of the model."""

    name: str
    operator: str
    status: str
    reason: str = ""
    constants: bool = False
    seconds: float = 0.0


class Runner:
    """Workers of one image, each replaced by a new one when it is gone."""

    def __init__(self, engine: VenvEngine, image: Image, folder: Path) -> None:
        self._engine = engine
        self._image = image
        self._folder = folder
        self._numbers = itertools.count()

    def cases(self) -> list[Case]:
        with self._worker() as worker:
            response = worker.request(Request(id="1", operation="cases"))
        assert response.result, response.error
        return [Case(**entry) for entry in response.result["cases"]]

    def run(self, cases: list[Case]) -> list[Result]:
        """The results in the order of the cases."""
        waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
        for case in cases:
            waiting.put(case)
        found: dict[Case, Result] = {}
        threads = [threading.Thread(target=self._serve, args=(waiting, found)) for _ in range(os.cpu_count() or 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [found[case] for case in cases]

    def _serve(self, waiting: queue.SimpleQueue[Case], found: dict[Case, Result]) -> None:
        for case in (taken := _taken(waiting)):
            with self._worker() as worker:
                for current in itertools.chain([case], taken):
                    request = Request(id=current.name, operation="case", parameters={"name": current.name})
                    try:
                        found[current] = _result(current, worker.request(request))
                    except StageCrashError as error:
                        found[current] = Result(**asdict(current), status="crashed", reason=str(error))
                        break

    def _worker(self):
        number = next(self._numbers)
        folder, log = self._folder / str(number), self._folder / f"{number}.log"
        return self._engine.start(Job(self._image, "case", folder, log, f"onnx-{os.getpid()}-{number}", LIMITS))


def _taken(waiting: queue.SimpleQueue[Case]) -> Iterator[Case]:
    while True:
        try:
            yield waiting.get_nowait()
        except queue.Empty:
            return


def _result(case: Case, response: Response) -> Result:
    seconds = round(response.seconds, 3)
    if response.error:
        status = "refused" if response.error.kind == "model" else "crashed"
        return Result(**asdict(case), status=status, reason=response.error.message, seconds=seconds)
    assert response.result is not None
    wrong, constants = response.result["wrong"], response.result["constants"]
    status = "wrong" if wrong else "pass"
    return Result(**asdict(case), status=status, reason=wrong or "", constants=constants, seconds=seconds)


def recipe() -> ImageRecipe:
    """The onnx-tf image with the tensorflow image's programs, and ours, beside its own."""
    images = toolchain.load().images
    above = images["onnx-tf"]
    both = replace(above, files={**images["tensorflow"].files, **above.files})
    return adding(both, "conformance", {"case.py": HERE / "case.py"})


def judged(results: list[Result], lists: Lists, *, everything: bool) -> tuple[list[Result], list[str]]:
    """The results with the listed ones told apart, and what the lists get wrong."""
    judged, stale = list(results), []
    for kind, entries in lists.items():
        for entry in entries:
            for pattern in entry["cases"]:
                matched = [at for at, result in enumerate(results) if fnmatch.fnmatchcase(result.name, pattern)]
                if everything and not matched:
                    stale.append(f"{pattern}: no case has this name")
                for at in matched:
                    if results[at].status == LISTS[kind]:
                        judged[at] = replace(results[at], status=kind, reason=entry["reason"])
                    elif results[at].status == "pass":
                        stale.append(f"{results[at].name} passes, but {pattern} is listed as {kind}")
    return judged, stale


def table(results: list[Result]) -> str:
    """The results by operator, and the reasons of all that is neither passed nor inexpressible, as Markdown."""
    lines = [f"| operator | {' | '.join(STATUSES)} |", f"|---|{'---:|' * len(STATUSES)}"]
    operators = sorted({result.operator for result in results})
    lines += [_row(name, [result for result in results if result.operator == name]) for name in operators]
    lines.append(_row("**all**", results))
    for status in ("wrong", "crashed", "refused"):
        found = [result for result in results if result.status == status]
        if found:
            lines += ["", f"## {status}", *(f"- {result.name}: {' '.join(result.reason.split())}" for result in found)]
    for status in LISTS:
        reasons = Counter(result.reason for result in results if result.status == status)
        if reasons:
            lines += ["", f"## {status}", *(f"- {count}: {reason}" for reason, count in sorted(reasons.items()))]
    return "\n".join(lines) + "\n"


def _row(name: str, results: list[Result]) -> str:
    counts = Counter(result.status for result in results)
    return f"| {name} | {' | '.join(str(counts[status] or '') for status in STATUSES)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="the cases whose name fits, such as 'resize_*'")
    parser.add_argument("--quick", action="store_true", help="a subset that takes less than a minute")
    arguments = parser.parse_args()

    engine = VenvEngine()
    image = engine.ensure([recipe()], ignore)["conformance"]
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(engine, image, Path(folder))
        cases = [case for case in runner.cases() if fnmatch.fnmatchcase(case.name, arguments.only)]
        cases = cases[::QUICK] if arguments.quick else cases
        results = runner.run(cases)
    everything = arguments.only == "*" and not arguments.quick
    lists = tomllib.loads((HERE / "inexpressible.toml").read_text())
    results, stale = judged(results, lists, everything=everything)

    counts = {status: sum(result.status == status for result in results) for status in STATUSES}
    (OUT / "conformance.md").write_text(table(results))
    document = {
        "everything": everything,
        "counts": counts,
        "stale": stale,
        "cases": [asdict(result) for result in results],
    }
    (OUT / "conformance.json").write_text(json.dumps(document, indent=1) + "\n")
    print(table(results))
    expressible = sum(counts.values()) - sum(counts[kind] for kind in LISTS)
    share = counts["pass"] / max(expressible, 1)
    print(f"{counts['pass']} of {expressible} that TFLite can express pass: {share:.1%}")
    for line in stale:
        print(f"stale entry in inexpressible.toml: {line}")
    sys.exit(bool(stale or counts["wrong"] or counts["crashed"] or (everything and share < TARGET)))


if __name__ == "__main__":
    main()
