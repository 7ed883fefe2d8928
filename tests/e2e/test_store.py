"""What was converted is not converted again, and can be made again to the byte."""

import json
import os
import shutil
from pathlib import Path

import pytest
from command import CASES
from held import STAGES

from pinlite.machine import folders

INT8 = ("--variant", "float32", "--variant", "int8", "--calibration", "random")
BEFORE = ("export", "check", "translate", "run-onnxruntime", "run-tensorflow")
# Where no engine is: who asks for one anyway fails.
TIMED = ("report", "provenance")
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere", "PATH": "/nowhere"}
ELSEWHERE = {"LANG": "tr_TR.UTF-8", "LC_ALL": "C", "TZ": "Pacific/Chatham", "PYTHONHASHSEED": "77", "HOME": "/"}


@pytest.fixture
def cache(tmp_path):
    """A store of its own; the environments of the venv engine are those that are there."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "venv").symlink_to(folders.cache() / "venv")
    return {"PINLITE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def project(pinlite):
    """A model in the current folder, and a pinlite.toml."""
    pinlite.here.mkdir()
    for name in ("tiny.py", "sibling.py"):
        shutil.copy(CASES / name, pinlite.here)
    text = 'source = "tiny.py:network"\ninput = ["image=1x3x16x16"]\nout = "out"\n'
    (pinlite.here / "pinlite.toml").write_text(text)
    return pinlite.here


@pytest.fixture
def ran(pinlite):
    """Convert with options: the stages that really ran."""

    def convert(*arguments, **environment):
        report = json.loads(pinlite.succeeds("convert", "--json", *arguments, **environment).out)
        return [stage["name"] for stage in report["stages"] if stage["source"] == "ran"]

    return convert


def made(folder):
    """The files but for those that have times in them."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name.split(".")[0] not in TIMED)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_each_stage_is_a_hit_where_nothing_changed(project, cache, ran, engine):
    with_engine = ("--engine", engine)
    assert ran(*with_engine, **cache) == list(STAGES)
    first = made(project / "out")

    shutil.rmtree(project / "out")
    assert ran(*with_engine, **cache, **NO_ENGINE) == []
    assert made(project / "out") == first

    # The same by its actions: to another command line no answer is known.
    assert ran(*with_engine, "--tolerance", "0.001", **cache, **NO_ENGINE) == []
    assert made(project / "out") == first

    source = project / "tiny.py"
    source.write_text(source.read_text() + "\n# a comment\n")
    assert ran(*with_engine, **cache) == ["export"]
    assert made(project / "out") == first

    variants = ("--variant", "float32", "--variant", "float16")
    assert ran(*with_engine, *variants, **cache) == [f"{name}-float16" for name in STAGES if name not in BEFORE]

    assert ran(*with_engine, "--refresh", "translate", **cache) == ["translate"]
    assert made(project / "out") == first


def test_a_lock_holds_on_every_engine_and_wherever_it_is_reproduced(pinlite, project, cache, engine, tmp_path):
    pinlite.succeeds("convert", "--engine", engine, **cache)
    lock = (project / "pinlite.lock").read_bytes()
    other = {"docker": "venv", "venv": "docker"}[engine]
    pinlite.succeeds("convert", "--locked", "--no-cache", "--engine", other, **cache)
    assert (project / "pinlite.lock").read_bytes() == lock

    moved = Path(shutil.copytree(project, tmp_path / "moved" / "elsewhere", ignore=shutil.ignore_patterns("tmp")))
    ended = pinlite.succeeds("reproduce", moved / "pinlite.lock", "--engine", engine, **cache, **ELSEWHERE)
    assert ended.out.count("the same bytes") == 7
    with_report = pinlite.succeeds("reproduce", "out/report.json", "--engine", other, **cache)
    assert with_report.out.count("the same bytes") == 7


def test_one_processor_or_two_make_the_same(pinlite, project, cache, any_engine):
    pinlite.succeeds("convert", "--engine", any_engine, *INT8, **cache)
    processors = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(processors)})
        ended = pinlite.succeeds("reproduce", "pinlite.lock", "--engine", any_engine, **cache)
    finally:
        os.sched_setaffinity(0, processors)
    assert ended.out.count("the same bytes") == len(json.loads((project / "pinlite.lock").read_text())["artifacts"])


def test_a_lock_refuses_other_inputs_and_says_which(pinlite, project, cache, any_engine):
    pinlite.succeeds("convert", "--engine", any_engine, **cache)
    sibling = project / "sibling.py"
    sibling.write_text(sibling.read_text() + "\n# a comment\n")
    said = pinlite.refuses(8, "convert", "--engine", any_engine, "--locked", **cache)
    assert "inputs sibling.py was " in said
    said = pinlite.refuses(8, "reproduce", "pinlite.lock", "--engine", any_engine, **cache)
    assert "inputs sibling.py was " in said
