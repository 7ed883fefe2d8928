"""The programs of this folder, in the images of the venv engine: PyTorch, onnx, and every runtime of TFLite files."""

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipes import adding

from pinlite import toolchain
from pinlite.contract import Request
from pinlite.engine import Image, Job, VenvEngine, Worker
from pinlite.errors import StageCrashError
from pinlite.events import ignore
from pinlite.schema.recipe import Limits

HERE = Path(__file__).parent
LIMITS = Limits(memory=4 * 1024**3, timeout=120, processes=256)

TOOLCHAIN = toolchain.load()
RUNTIMES = {runtime.name: runtime for runtime in TOOLCHAIN.runtimes}
# What stands in which image: the program first.
PROGRAMS = {
    "torch": ("eager.py", "sweep_models.py"),
    "onnx": ("onnx_models.py",),
    **{runtime.image: ("interpret.py",) for runtime in TOOLCHAIN.runtimes},
}


class RefusedError(Exception):
    """A program's own word on what it was asked."""


class Service:
    """One program, asked by one thread at a time; once its process is gone, the next question starts another."""

    def __init__(self, engine: VenvEngine, image: Image, program: str, folder: Path) -> None:
        self._engine = engine
        self._image = image
        self._program = program
        self._folder = folder
        self._numbers = itertools.count()
        self._turn = threading.Lock()
        self._worker: Worker | None = None

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer.

        Raises:
            RefusedError: The program says why not, or this ended it.
        """
        with self._turn:
            self._worker = self._worker or self._started()
            try:
                response = self._worker.request(Request(id="1", operation=operation, parameters=parameters))
            except StageCrashError as error:
                self.stop()
                raise RefusedError(str(error)) from error
        if response.error:
            raise RefusedError(response.error.message)
        assert response.result is not None
        return response.result

    def stop(self) -> None:
        if self._worker:
            self._worker.stop()
        self._worker = None

    def _started(self) -> Worker:
        name = f"{self._image.name}-{next(self._numbers)}"
        folder, log = self._folder / name, self._folder / f"{name}.log"
        worker = self._engine.start(Job(self._image, self._program, folder, log, f"sweep-{os.getpid()}", LIMITS))
        worker.ready()
        return worker


@contextlib.contextmanager
def started(folder: Path) -> Iterator[dict[str, Service]]:
    """The services by what `PROGRAMS` calls them."""
    recipes = {
        name: adding(TOOLCHAIN.images[name], f"sweep-{name}", {file: HERE / file for file in files})
        for name, files in PROGRAMS.items()
    }
    engine = VenvEngine()
    found = engine.ensure(recipes.values(), ignore)
    services = {
        name: Service(engine, found[recipe.name], Path(PROGRAMS[name][0]).stem, folder)
        for name, recipe in recipes.items()
    }
    try:
        yield services
    finally:
        for service in services.values():
            service.stop()
