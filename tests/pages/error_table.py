"""docs/errors.md: every error that pinlite raises on purpose, as `pinlite.errors` has them."""

import inspect
from collections.abc import Iterator

from pinlite import errors
from pinlite.engine import docker, process
from pinlite.machine import logs, retries

PAGE = """\
# Errors

What went wrong is on standard error, in two parts: `error:` says what and in which stage, `hint:` what to do about
it. The exit status tells scripts the kind; from Python it is `exit_status` of a `pinlite.errors.PinliteError`, and
`code` tells it more finely. `make docs` writes this page from `errors.py`.

| code | status | meaning | what to do |
|---|---:|---|---|
{rows}

Beside these a command ends with 0 when it is done; with 130 when it was interrupted, by ^C or SIGTERM, with nothing
left running (a second one ends it at once, whatever is left); and with 1 for a bug in pinlite itself, which writes a
report and says where: versions, the command as it was typed, what happened, and the ends of the last run's logs.
Nothing of the environment is in it, but what was typed is: look through it before you send it.

## Logs

Everything that a stage prints is kept, a folder a run and a file a worker, below `logs` in pinlite's cache, with the
reports of bugs; the newest {kept} runs stay. `builds` has what building each image printed. The hint of an error
names its log. `--verbose` shows the same lines on standard error as they come.

## After a run that was killed

A run that ends in any other way leaves nothing behind. After kill -9 or a crash of the machine the next run removes
the containers, processes and half-made environments that it finds of runs that no longer exist. `pinlite clean` removes
all there is: these, temporary folders, files that were half written to the store, and locks that nobody holds; and it
says what it found.

## What is tried again

Only what changes nothing: connecting to a Docker engine that was asked for by name, pulling the base image, and an
installation of packages whose connection failed; {pauses} seconds later, and a note says so each time. A stage is never
run twice by itself. A Docker engine that hangs is waited for: {patience} seconds for an answer, and a stage is asked
after every {between:.0f} seconds. [failures.md](failures.md) has what a machine that fails comes to.
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
