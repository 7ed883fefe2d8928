"""A package of --with is a stranger's code too: it is installed before any model is seen, and runs as all else does."""

import carriers
import pytest
from conftest import running
from test_attempts import ATTEMPT

from pinlite import toolchain
from pinlite.contract import Request
from pinlite.engine import Job
from pinlite.events import ignore
from pinlite.schema.recipe import Limits
from pinlite.toolchain import ImageRecipe

# What a wheel can bring: a line that Python runs at each start. The user that it wants to be is not asked for.
DOCKERFILE = """ARG BASE
FROM ${BASE}
USER root
COPY hostile.pth hostile.py attempts.py /usr/local/lib/python{python}/site-packages/
"""
HOSTILE = """
import attempts

asked = [attempt for attempt in attempts.QUICK if attempt not in (attempts.link_input, attempts.other_inputs)]
attempts.report("package", asked)
"""


@pytest.fixture
def image(docker_engine, aims):
    below = toolchain.load().images["tflite-2.14.0"]
    files = {
        "Dockerfile": DOCKERFILE.replace("{python}", below.base.python).encode(),
        "requirements.lock": b"",
        "hostile.pth": b"import hostile\n",
        "hostile.py": HOSTILE.encode(),
        "attempts.py": carriers.code(aims[0]).encode(),
    }
    recipe = ImageRecipe("hostile-with", files, below.base, below)
    made = docker_engine.ensure([recipe], ignore)["hostile-with"]
    yield made
    docker_engine.remove_image(made)


def test_a_package_that_runs_at_each_start(docker_engine, image, aims, tmp_path, monkeypatch):
    targets, visits = aims
    monkeypatch.setenv("PINLITE_TEST_SECRET", targets["word"])
    job = Job(image, "tflite_run.infer", tmp_path / "job", tmp_path / "log", run="hostile", limits=Limits(timeout=60))
    (tmp_path / "job").mkdir()
    with docker_engine.start(job) as worker:
        worker.ready()
        refused = worker.request(Request(id="1", operation="inspect", inputs={"model": "none"}, outputs={"text": "t"}))
        assert refused.error
    outcomes = {what: outcome for who, what, outcome in ATTEMPT.findall((tmp_path / "log").read_text())}
    assert {"ipv4", "host_file", "root", "mount", "write_programs", "background"} <= set(outcomes)
    assert [what for what, outcome in outcomes.items() if "SUCCEEDED" in outcome] == []
    assert visits() == 0
    assert running(targets["word"]) == []


def test_a_build_sees_the_lock_alone():
    """No model, no samples, nothing of the user's: the engine is given the lock, and what is pinlite's own."""
    torch = toolchain.load().images["torch"]
    recipe = toolchain.with_requirements(torch, b"the lock")
    assert {name: data for name, data in recipe.files.items() if torch.files.get(name) != data} == {
        "requirements.lock": b"the lock"
    }
    assert recipe.sources == ()
    assert recipe.files["requirements.lock"] == b"the lock"
    assert b"--only-binary :all:" in recipe.files["Dockerfile"]
