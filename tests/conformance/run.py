"""ONNX's own operator tests through the stages after export, and TensorFlow's TFLite interpreter.

``conformance`` are those of the onnx of 2020, from translate on; ``conformance-new`` those of today's onnx and what
PyTorch wrote in 2017, from adapt on. Writes build/<suite>/: <suite>.json, a result for each case, and <suite>.md, the
table by operator. Fails if a case is wrong or crashes, if less than the target passes of what TFLite can express, or if
the suite's list of what it can't lies.
"""

import argparse
import fnmatch
import json
import sys
import tempfile
import tomllib
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from suites import OPERATOR, SUITES, Suite, recipes
from workers import Result, Runner

from pinlite.engine import VenvEngine
from pinlite.events import ignore

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"

# What a listed case has to be, by the kind of list.
LISTS = {"inexpressible": "refused", "disputed": "wrong"}
STATUSES = ("pass", "refused", "wrong", "crashed", *LISTS)
TARGET = 0.97


Lists = dict[str, list[dict[str, Any]]]


def listed(suite: Suite) -> Lists:
    """What need not pass, by the kind of list.

    Raises:
        ValueError: An entry is of a kind that the suite has not, or says of a missing operator not which it is.
    """
    lists: Lists = tomllib.loads((HERE / suite.lists).read_text())
    for entry in lists.get("inexpressible", []) if suite.kinds else []:
        if entry["kind"] not in suite.kinds or (entry["kind"] == OPERATOR and not entry.get("builtin")):
            raise ValueError(f"{suite.lists}: {entry['reason']}: of no kind in {suite.kinds}, or without a builtin")
    return lists


def _why(entry: dict[str, Any]) -> str:
    return ": ".join(entry[key] for key in ("kind", "builtin", "reason") if key in entry)


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
                        judged[at] = replace(results[at], status=kind, reason=_why(entry))
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
            lines += ["", f"## {status}", *map(_line, found)]
    for status in LISTS:
        reasons = Counter(result.reason for result in results if result.status == status)
        if reasons:
            lines += ["", f"## {status}", *(f"- {count}: {reason}" for reason, count in sorted(reasons.items()))]
    return "\n".join(lines) + "\n"


def _line(result: Result) -> str:
    return f"- {result.name}: {result.stage}{': ' if result.stage else ''}{' '.join(result.reason.split())}"


def _row(name: str, results: list[Result]) -> str:
    counts = Counter(result.status for result in results)
    return f"| {name} | {' | '.join(str(counts[status] or '') for status in STATUSES)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="conformance", choices=SUITES)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="the cases whose name fits, such as 'resize_*'")
    parser.add_argument("--quick", action="store_true", help="a subset that CI has time for")
    arguments = parser.parse_args()

    suite = SUITES[arguments.suite]
    lists = listed(suite)
    engine = VenvEngine()
    made = recipes()
    found = engine.ensure(made.values(), ignore)
    images = {role: found[recipe.name] for role, recipe in made.items()}
    with tempfile.TemporaryDirectory() as folder, Runner(suite, engine, images, Path(folder)) as runner:
        cases = [case for case in runner.cases() if fnmatch.fnmatchcase(case.name, arguments.only)]
        cases = cases[:: suite.quick] if arguments.quick else cases
        results = runner.run(cases)
    everything = arguments.only == "*" and not arguments.quick
    results, stale = judged(results, lists, everything=everything)

    counts = {status: sum(result.status == status for result in results) for status in STATUSES}
    out = BUILD / suite.name
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{suite.name}.md").write_text(table(results))
    document = {
        "everything": everything,
        "counts": counts,
        "stale": stale,
        "cases": [asdict(result) for result in results],
    }
    (out / f"{suite.name}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(table(results))
    expressible = len(results) - sum(counts[kind] for kind in LISTS)
    share, left_out = counts["pass"] / max(expressible, 1), counts["inexpressible"] / max(len(results), 1)
    print(f"{counts['pass']} of {expressible} that TFLite can express pass: {share:.1%}")
    print(f"{counts['inexpressible']} of {len(results)} are inexpressible: {left_out:.1%}")
    for line in stale:
        print(f"stale entry in {suite.lists}: {line}")
    missed = everything and (share < TARGET or left_out > suite.most_inexpressible)
    sys.exit(bool(stale or counts["wrong"] or counts["crashed"] or missed))


if __name__ == "__main__":
    main()
