"""What pinlite brings for pull requests, run as a CI runs it: each step by bash, with the CI's variables."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from command import EXAMPLES

from pinlite.machine import folders

ROOT = Path(__file__).parents[2]
NET, WEIGHTS = EXAMPLES / "digits" / "net.py", EXAMPLES / "digits" / "digits.pt"
LONGEST = 300


@pytest.fixture(autouse=True)
def _images(any_engine):
    """Are made before."""


def run(script, folder, variables):
    """A script as the runners of GitHub and GitLab have bash run it; pip compiles nothing ahead, which takes long."""
    bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return subprocess.run(
        bash,
        cwd=folder,
        env=os.environ | {"PIP_NO_COMPILE": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


@dataclass
class Job:
    """A job of GitHub's: a workspace, the runner's files, and what its steps gave so far."""

    workspace: Path
    runner: Path
    # What the steps gave; the first is another action's.
    outputs: dict[str, dict[str, str]] = field(default_factory=lambda: {"python": {"python-path": sys.executable}})

    def __post_init__(self):
        for folder in (self.workspace, self.runner):
            folder.mkdir()

    def variables(self, step):
        names = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        files = {name: self.runner / f"{name}-{step}" for name in names}
        for file in files.values():
            file.touch()
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.runner),
            "RUNNER_OS": "Linux",
            **{name: str(file) for name, file in files.items()},
        }

    def step(self, name, **given):
        """Run a step of the action's own with these inputs, after what steps of other actions give."""
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        inputs = {name: declared["default"] for name, declared in action["inputs"].items()} | given
        (step,) = (each for each in action["runs"]["steps"] if each.get("id") == name)
        ours = {name: self.resolved(value, inputs) for name, value in step["env"].items()}
        folder = self.workspace / self.resolved(step.get("working-directory", "."), inputs)
        variables = self.variables(name)
        ended = run(step["run"], folder, variables | ours)
        lines = Path(variables["GITHUB_OUTPUT"]).read_text().splitlines()
        self.outputs[name] = dict(line.split("=", 1) for line in lines)
        return ended

    def resolved(self, text, inputs):
        known = {f"inputs.{name}": value for name, value in inputs.items()}
        known |= {
            f"steps.{step}.outputs.{name}": value
            for step, found in self.outputs.items()
            for name, value in found.items()
        }
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known[found[1]], text)


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path / "workspace", tmp_path / "runner")


def test_github_converts_by_the_steps_of_the_action(job):
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert [step["id"] for step in action["runs"]["steps"] if "run" in step] == ["install", "convert"]
    ended = job.step("install")
    assert ended.returncode == 0, ended.stderr
    assert re.fullmatch("[0-9a-f]{16}", job.outputs["install"]["images"])
    assert Path(job.outputs["install"]["cache"]) == folders.cache()
    (on_path,) = Path(job.variables("install")["GITHUB_PATH"]).read_text().split()
    assert [path.name for path in Path(on_path).iterdir()] == ["pinlite"]

    models = job.workspace / "models"
    models.mkdir()
    recipe = models / "pinlite.toml"
    recipe.write_text(f'source = "{NET}:build"\nweights = "{WEIGHTS}"\ninput = ["image=1x1x8x8"]\n')
    here = {"engine": "venv", "working-directory": "models", "out": "out of it"}
    ended = job.step("convert", args="--variant float32 --variant 'float16'", **here)
    assert ended.returncode == 0, ended.stderr
    assert job.outputs["convert"]["report"] == "models/out of it/report.json"
    out = job.workspace / job.outputs["convert"]["out"]
    assert {path.name for path in out.glob("*.tflite")} == {"model.float32.tflite", "model.float16.tflite"}
    assert (out / "report.html").is_file()
    assert "float16" in Path(job.variables("convert")["GITHUB_STEP_SUMMARY"]).read_text()
    gate = f'{on_path}/pinlite report "{out}" "{out}" --fail-if'
    assert run(f"{gate} 'size > 1.05'", job.workspace, job.variables("gate")).returncode == 0
    assert run(f"{gate} 'size > 0.95'", job.workspace, job.variables("gate")).returncode == 7

    # What is wrong fails the step.
    for given, status, told in (
        ({"locked": "true"}, 8, "options variant is gone"),
        ({"locked": "toolchain", "args": "--dry-run --variant float16"}, 8, "options variant was"),
        ({"args": "--variant 'float32"}, 1, "unmatched single quote"),
    ):
        ended = job.step("convert", **here | given)
        assert (ended.returncode, told in ended.stderr) == (status, True), ended.stderr
        assert (status != 8) or "::error title=pinlite::" in ended.stderr

    # Without a pinlite.toml, inputs say it all.
    alone = {"source": f"{NET}:build", "input": "image=1x1x8x8\n", "args": "--dry-run --json"}
    ended = job.step("convert", **alone)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["source"] == f"{NET}:build"
    assert job.step("convert", **alone, config="models/none.toml").returncode == 2


def test_gitlab_converts_by_the_script_of_its_template(tmp_path):
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*build, "--wheel-dir", tmp_path / "wheels", ROOT], check=True)
    (wheel,) = (tmp_path / "wheels").iterdir()
    job = yaml.safe_load((ROOT / "templates" / "pinlite.gitlab-ci.yml").read_text())[".pinlite"]
    given = {
        "CI": "true",
        "CI_PROJECT_DIR": str(tmp_path),
        "PINLITE_SOURCE": f"{NET}:build",
        "PINLITE_ARGS": f"--input image=1x1x8x8 --weights {WEIGHTS}",
        "PINLITE_VERSION": wheel.name.split("-")[1],
        "PIP_FIND_LINKS": str(wheel.parent),
    }
    cache = tmp_path / ".pinlite-cache"
    cache.mkdir()
    for name in ("wheels", "venv"):
        (cache / name).symlink_to(folders.cache() / name)
    variables = {name: value.replace("$CI_PROJECT_DIR", str(tmp_path)) for name, value in job["variables"].items()}
    ended = run("\n".join([*job["before_script"], *job["script"]]), tmp_path, variables | given)
    assert ended.returncode == 0, ended.stderr
    (artifacts,) = job["artifacts"]["paths"]
    assert artifacts == "$PINLITE_OUT"
    assert (tmp_path / variables["PINLITE_OUT"] / "model.float32.tflite").is_file()
