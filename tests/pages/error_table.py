"""docs/errors.md: the errors that pinlite raises on purpose, from `pinlite.errors`."""

import inspect
from collections.abc import Iterator

from pinlite import errors
from pinlite.engine import docker, process
from pinlite.machine import logs, retries

PAGE = """\
# Errors

For everybody whose command ended with an error, and for scripts that read exit statuses. An error is printed on
standard error in two parts: `error:` says what is wrong and in which stage, `hint:` what to do about it.

## Exit statuses

| status | meaning |
|---:|---|
| 0 | the command did what it should |
| 1 | a bug in pinlite, which writes a report for you to send |
| 2 | usage: a file, an option, weights or samples don't fit |
| 3 | the model can't be converted; or, with `--strict`, there are warnings |
| 4 | there is no engine |
| 5 | an image can't be built |
| 6 | a stage crashed, or ran out of memory, disk or time |
| 7 | outputs differ by more than the tolerance, or an integer variant has lost some of them |
| 8 | something differs from the record: inputs or bytes from a lock file, or files from what was made or signed |
| 9 | `pinlite diff`: the files do not have the same bytes |
| 10 | a registry can't be reached, refuses, or serves something else than it should |
| 11 | `pinlite batch`: some models are not right |
| 12 | `pinlite batch`: the scheduler can't be reached, or has no worker that fits |
| 130 | interrupted by ^C or SIGTERM, with nothing left running; a second ^C ends at once, whatever is left |

With `--json`, standard output has one document of JSON: the result, or `{{"error": {{"code", "message", "hint",
"status"}}}}` where there is none. A command that has a result and fails nevertheless, as a conversion whose outputs
differ, prints the result, which says so. Standard error has the words in any case.

The report of a bug has the versions, the command as you typed it, the error, and the ends of the last run's logs. It
has nothing from the environment, but all that you typed: read it before you send it.

## Every error

From Python an error is a `pinlite.errors.PinliteError`; its `exit_status` is the status, its `code` is finer.
`make docs` writes this table from `errors.py`.

| code | status | meaning | what to do |
|---|---:|---|---|
{rows}

## Logs

pinlite keeps everything that a stage prints: below `logs` in its cache, in a folder for each run and a file for each
worker, beside the reports of bugs. The newest {kept} runs stay. `builds` has what the build of each image printed. The
hint of an error names its log. `--verbose` shows the same lines on standard error while they come.

## After a run that was killed

A run that ends in any other way leaves nothing behind. After kill -9 or a crash of the machine, the next run removes
the containers, processes and half-made environments of runs that no longer exist. `pinlite clean` removes and lists all
leftovers: these, temporary folders, half-written files of the store, and locks that no process holds.

## What pinlite tries again

pinlite repeats only what is safe to repeat: connecting to a Docker engine that you chose by name, pulling the base
image, and installing packages after the connection failed. It tries again {pauses} seconds later, and a note says so
each time. It never repeats a stage. If a Docker engine hangs, pinlite waits {patience} seconds for an answer, and asks
about a running stage every {between:.0f} seconds. [failures.md](failures.md) says what happens when the machine fails.
"""


def every_error() -> Iterator[type[errors.PinliteError]]:
    """Each class that has an error's own code, in the order of the file."""
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.PinliteError) and kind is not errors.PinliteError:
            yield kind


def page() -> str:
    rows = sorted((kind.exit_status, at, kind) for at, kind in enumerate(every_error()))
    return PAGE.format(
        rows="\n".join(_row(kind) for _, _, kind in rows),
        kept=logs.KEPT,
        pauses=" and ".join(f"{pause:g}" for pause in retries.PAUSES),
        patience=docker.PATIENCE,
        between=process.BETWEEN_CHECKS,
    )


def _row(kind: type[errors.PinliteError]) -> str:
    meaning = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
    return f"| `{kind.code}` | {kind.exit_status} | {meaning} | {kind.advice} |"
