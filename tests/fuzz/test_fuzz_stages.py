"""Whole conversions in which one stage lies: they end as conversions end, never as a bug of pinlite's."""

import contextlib
import functools
import io
import json
import tempfile
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType

import fake_engine
import numpy as np
import pytest
from fake_engine import INFER, TIMED, FakeEngine, RefusalError
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from strange import TEXTS, changed, damaged

from pinlite.auditing import file_differences
from pinlite.contract import ContractError, Response, parse
from pinlite.conversion import pipeline
from pinlite.errors import PinliteError, ScoreError
from pinlite.options import resolve
from pinlite.ui import differences, tables

OPTIONS = {
    "input": ["image=1x3x4x4"],
    "variant": ["float32", "int8"],
    "calibration": "model.py:samples",
    "evaluate": "model.py:labelled",
    "metric": ["top-1", "model.py:metric"],
    "prune": 0.5,
    "out": "out",
    # What a stage made once is not to answer for it.
    "no-cache": True,
}
STAGES = (
    "gather",
    "export",
    "check",
    "translate",
    "run-onnxruntime",
    "run-tensorflow",
    "calibrate",
    "evaluate",
    "convert",
    "infer",
    INFER[-1],
    "time",
    "metric",
)
WEIGHTS = {"name": "linear", "shape": [3, 4], "sparsity": 0.5, "distinct": 7}
STEP = {"technique": "prune", "size": 48, "gzip_size": 40, "sparsity": 0.5, "layers": [WEIGHTS]}
ARRAYS = st.dictionaries(
    TEXTS.filter(lambda name: "\0" not in name and len(name) < 100),
    st.sampled_from(
        [
            *(
                np.zeros(shape, dtype)
                for shape in ((), (0,), (1, 4), (3, 48))
                for dtype in ("f4", "i8", "?", "c8", "U3")
            ),
            *(np.full((1, 4), value) for value in (np.nan, np.inf, -1e308)),
        ]
    ),
    max_size=3,
)

# A run costs more than a parse.
FEWER = settings(max_examples=settings.default.max_examples // 3)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Path("model.py").write_text("def build():\n    ...\n")
    return tmp_path


class OneAfterAnother:
    """In place of threads: what hypothesis draws has to come in the same order in each run."""

    def __init__(self, *_):
        pass

    def submit(self, function, *arguments):
        done = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits gets it
            done.set_exception(error)
        return done


def run(engine, monkeypatch):
    monkeypatch.setattr("pinlite.conversion.run.choose", lambda *_: engine)
    monkeypatch.setattr("pinlite.conversion.run.ThreadPoolExecutor", OneAfterAnother)
    # The metric of the fake engine is another one in each runtime.
    with pytest.raises(ScoreError) as caught:
        pipeline.run(resolve({"source": "model.py:build"} | OPTIONS))
    report = caught.value.report
    report.to_json()
    tables.show(report, "out", Console(file=io.StringIO(), width=100, markup=False))
    return report


def engine_with(lies=MappingProxyType({})):
    """``lies`` are, by stage, what becomes of a call and its honest result."""
    engine = FakeEngine()
    engine.programs["export"] = lambda call: fake_engine.export(call) | {"training": [STEP]}
    for stage, change in lies.items():
        honest = engine.program(stage)
        engine.programs[stage] = lambda call, honest=honest, change=change: change(call, honest(call))
    engine.programs = {name: functools.partial(answered, program) for name, program in engine.programs.items()}
    return engine


def answered(program, call):
    """What a program gives, or that it failed: at what another one made of its inputs, it may."""
    try:
        return program(call)
    except Exception as error:
        raise RefusalError("internal", str(error)) from error


def ended(engine, monkeypatch):
    with contextlib.suppress(PinliteError):
        run(engine, monkeypatch)
    assert engine.running == []


@pytest.mark.usefixtures("here")
def test_nothing_of_this_fails_by_itself(monkeypatch):
    engine = engine_with()
    assert run(engine, monkeypatch).evaluation
    asked = {request.id for request in engine.requests}
    assert asked >= {*STAGES, *INFER, *TIMED} - {"infer", "time"}


@pytest.mark.usefixtures("here")
@FEWER
@given(st.data(), st.sampled_from(STAGES))
def test_a_result_that_is_another(monkeypatch, data, stage):
    def lie(_, result):
        answer = {"type": "response", "id": "1", "seconds": 0, "peak_memory": 0, "result": result}
        try:
            message = parse(Response.model_validate(data.draw(changed(answer))).model_dump_json().encode())
        except (ContractError, ValueError):
            return result
        return message.result or {}

    ended(engine_with({stage: lie}), monkeypatch)


@pytest.mark.usefixtures("here")
@FEWER
@given(st.data())
def test_an_answer_on_two_files_that_is_another(monkeypatch, data):
    engine = engine_with({"diff": lambda _, result: data.draw(changed(result))})
    monkeypatch.setattr("pinlite.auditing.file_differences.choose", lambda *_: engine)
    files = Path("one.tflite"), Path("other.tflite")
    for path in files:
        path.write_text(path.name)
    np.savez("x.npz", **fake_engine.SAMPLES)
    with contextlib.suppress(PinliteError):
        report = file_differences.diff(*files, data.draw(st.sampled_from([None, Path("x.npz")])))
        json.loads(report.to_json())
        differences.show(report, Console(file=io.StringIO(), width=80, markup=False))
    assert engine.running == []


@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # numpy leaves a damaged file open
@FEWER
@given(st.data(), st.sampled_from(STAGES))
def test_outputs_that_are_others(monkeypatch, data, stage):
    def lie(call, result):
        for path in data.draw(st.permutations(list(call.outputs.values())))[:1]:
            how = data.draw(st.sampled_from(["arrays", "damaged", "gone", "folder", "link", "beside"]))
            if how == "arrays" and path.is_file():
                np.savez(path, **{name or "x": array for name, array in data.draw(ARRAYS).items() if name != "file"})
            elif how == "damaged" and path.is_file():
                path.write_bytes(data.draw(damaged(path.read_bytes())))
            elif how == "beside":
                path.with_name("beside").touch()
            elif path.is_file():
                path.unlink()
                if how == "folder":
                    path.mkdir()
                elif how == "link":
                    path.symlink_to("/etc/hostname")
        return result

    ended(engine_with({stage: lie}), monkeypatch)
