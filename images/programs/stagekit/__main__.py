"""The worker: requests on standard input, answers on standard output, a JSON line each."""

import gc
import importlib
import json
import os
import sys
import time
import traceback
from importlib import metadata

from stagekit import environment, memory
from stagekit.errors import StageError
from stagekit.request import Request

CONTRACT = 1


class Channel:
    """JSON lines to the host, on a private copy of standard output.

    File descriptor 1 itself is turned to standard error, so that nothing a framework prints can be taken for a message.
    """

    def __init__(self):
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)

    def send(self, **message):
        self._stream.write(json.dumps(message, sort_keys=True) + "\n")
        self._stream.flush()


def _versions(stage):
    """Those of Python, of the stage's packages, and of what it has ``BESIDE`` them."""
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    found.update((name, metadata.version(name)) for name in stage.VERSIONS)
    found.update(getattr(stage, "BESIDE", {}))
    return found


def _failure(error):
    """An exception as the host gets it; the traceback goes to the log."""
    if isinstance(error, StageError):
        return {"kind": error.kind, "message": error.message, "hint": error.hint}
    traceback.print_exception(type(error), error, error.__traceback__)
    kind = "memory" if isinstance(error, MemoryError) else "internal"
    return {"kind": kind, "message": "{}: {}".format(type(error).__name__, error), "hint": ""}


def _answer(operations, request):
    try:
        return {"result": operations[request.operation](request)}
    except Exception as error:  # noqa: BLE001 - whatever a stage raises has to become an answer
        return {"error": _failure(error)}


def _imported(program):
    """A stage program. What frameworks make as they are imported stays: nothing in it is worth a look by the collector
    of garbage, which takes a tenth of the time of an import.
    """
    gc.disable()
    stage = importlib.import_module(program)
    gc.freeze()
    gc.enable()
    return stage


def main():
    program, input_root, output_root, *overlays = sys.argv[1:]
    environment.enter(overlays)
    channel = Channel()
    stage = _imported(program)
    channel.send(type="ready", contract=CONTRACT, versions=_versions(stage))
    for line in sys.stdin:
        request = Request(json.loads(line), input_root, output_root)
        started = time.perf_counter()
        answer = _answer(stage.OPERATIONS, request)
        sys.stderr.flush()
        channel.send(
            type="response",
            id=request.id,
            seconds=time.perf_counter() - started,
            peak_memory=memory.peak(),
            **answer,
        )


if __name__ == "__main__":
    main()
