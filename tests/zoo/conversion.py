"""One model of the zoo, converted in a process of its own, and what came of it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from manifest import Model

State = Literal["converted", "refused", "differs", "crashed", "timeout"]

# Seconds in which a command that was told to end removes what it has started.
GRACE = 60

# What must not decide what comes out.
ELSEWHERE = {"LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu"}

STATES: dict[int, State] = {0: "converted", 2: "refused", 3: "refused", 7: "differs"}
RAISED = re.compile(r"[\w.]*(?:Error|Exception): ")
LAST_LINES = 3
ERROR = re.compile(r"^error: (?:(?P<stage>[a-z]+(?:-[a-z0-9.]+)*): )?(?P<message>.*)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What came of a model; the figures are there when it was written, ``stage`` and ``message`` when something failed.

    ``hops`` have the largest relative difference from torch by runtime, None where outputs can't be compared;
    ``latency_ms`` the median by runtime; ``select_tf`` says that TFLite's own operators are not enough; ``sha256`` is
    of the files that must come out the same every time. ``changed`` names those of them that did not when the model
    was converted again, and is None when it was not.
    """

    name: str
    state: State
    right: bool
    seconds: float
    stage: str = ""
    message: str = ""
    hops: dict[str, float | None] = field(default_factory=dict)
    size: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    select_tf: bool = False
    sha256: dict[str, str] = field(default_factory=dict)
    changed: list[str] | None = None


def convert(model: Model, folder: Path, *, engine: str, timeout: float, twice: bool) -> Outcome:
    """Convert a model inside a folder, in ``timeout`` seconds at most; ``twice`` asks for the same bytes again."""
    outcome = _convert(model, folder / "once", os.environ, engine=engine, timeout=timeout)
    if not twice or not outcome.sha256:
        return outcome
    again = _convert(model, folder / "again", os.environ | ELSEWHERE, engine=engine, timeout=timeout)
    return compared(outcome, again)


def compared(outcome: Outcome, again: Outcome) -> Outcome:
    """The outcome of a model that was converted again; it is not right if a file has other bytes, or there is none."""
    changed = sorted(name for name, sha256 in outcome.sha256.items() if again.sha256.get(name) != sha256)
    return replace(outcome, changed=changed, right=outcome.right and not changed)


def _convert(model: Model, out: Path, environment: Mapping[str, str], *, engine: str, timeout: float) -> Outcome:
    command = [
        sys.executable,
        "-m",
        "pinlite",
        "convert",
        model.source,
        "--out",
        str(out),
        "--engine",
        engine,
        "--json",
        "--no-cache",
    ]
    command += [word for text in model.inputs for word in ("--input", text)]
    command += [word for text in model.requirements for word in ("--with", text)]
    command += model.options
    started = time.monotonic()
    status, printed, log = run(command, environment, timeout)
    state = "timeout" if status is None else STATES.get(status, "crashed")
    stage, message = error(log) if state != "timeout" else ("", f"not done after {timeout:g} s")
    return Outcome(
        name=model.name,
        state=state,
        right=_right(model, state, stage),
        seconds=round(time.monotonic() - started, 1),
        stage=stage,
        message=message,
        **(_figures(json.loads(printed)) if state in ("converted", "differs") else {}),
    )


def _right(model: Model, state: State, stage: str) -> bool:
    return (state, stage) == ("refused", model.refused) if model.refused else state == "converted"


def run(command: list[str], environment: Mapping[str, str], timeout: float) -> tuple[int | None, str, str]:
    """Exit status (None when time ran out), standard output and standard error."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed, log = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            return None, "", ""
        return process.returncode, printed, log


def cause(log: str) -> str:
    """What a process that failed says of why: of tracebacks the first error, which is the cause of the others."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return " ".join([line for line in lines if RAISED.match(line)][:1] or lines[-LAST_LINES:])


def error(log: str) -> tuple[str, str]:
    """The stage and the message that a command ended with."""
    found = ERROR.search(log)
    return (found["stage"] or "", found["message"]) if found else ("", "")


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    (variant,) = report["variants"]
    hops: dict[str, float | None] = {}
    for hop in (hop for hop in report["hops"] if hop["profile"] is None):
        before, now = hops.get(hop["to"], 0.0), hop["max_rel_error"]
        hops[hop["to"]] = None if before is None or now is None else max(before, now)
    return {
        "hops": hops,
        "size": variant["size"],
        "operators": variant["ops"],
        "latency_ms": {runtime: round(figures["median"], 3) for runtime, figures in variant["latency_ms"].items()},
        "select_tf": any(name.startswith("Flex") for name in variant["ops"]),
        "sha256": {
            artifact["path"]: artifact["sha256"]
            for artifact in report["artifacts"]
            if artifact["path"].endswith((".onnx", ".tflite"))
        },
    }
