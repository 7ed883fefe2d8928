"""The files for CIs: valid by their public schemas, pinned, and what docs/ci.md shows of them."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from pinlite.options.commands import COMMANDS
from pinlite.options.option import Option, fields

ROOT = Path(__file__).parents[2]
ACTION, HOOKS, TEMPLATE = (
    ROOT / name for name in ("action.yml", ".pre-commit-hooks.yaml", "templates/pinlite.gitlab-ci.yml")
)
PAGE = ROOT / "docs" / "ci.md"
TEAM = re.search(r"(?ms)^```yaml\n(.*?)^```$", (ROOT / "docs" / "teams.md").read_text())[1]
SCHEMA = ("check_jsonschema", "--builtin-schema")
WORKFLOW, GATE, PIPELINE, CONFIG = re.findall(r"(?ms)^```yaml\n(.*?)^```$", PAGE.read_text())


@pytest.fixture
def valid(tmp_path):
    """Hold a text to what the makers of its format publish."""

    def check(text, *judge):
        file = tmp_path / "file.yml"
        file.write_text(text)
        done = subprocess.run([sys.executable, "-m", *judge, file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return check


@pytest.mark.parametrize(
    ("text", "judge"),
    [
        (ACTION.read_text(), (*SCHEMA, "vendor.github-actions")),
        (TEMPLATE.read_text(), (*SCHEMA, "vendor.gitlab-ci")),
        (HOOKS.read_text(), ("pre_commit", "validate-manifest")),
        (WORKFLOW, (*SCHEMA, "vendor.github-workflows")),
        (WORKFLOW + GATE, (*SCHEMA, "vendor.github-workflows")),
        (TEAM, (*SCHEMA, "vendor.github-workflows")),
        (PIPELINE, (*SCHEMA, "vendor.gitlab-ci")),
        (CONFIG, ("pre_commit", "validate-config")),
    ],
    ids=["action", "template", "hooks", "workflow", "workflow and gate", "of a team", "pipeline", "config"],
)
def test_a_file_is_valid_by_its_public_schema(valid, text, judge):
    valid(text, *judge)


def test_the_action_pins_others_by_commit_and_no_input_is_part_of_a_script():
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
        else:
            assert "${{" not in step["run"]


def test_the_page_lists_the_inputs_of_the_action():
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    shown = re.findall(r"(?m)^\| `([a-z-]+)` \| (\S*) ?\|", PAGE.read_text())
    assert dict(shown) == {name: declared["default"] for name, declared in inputs.items()}
    steps = yaml.safe_load(WORKFLOW + GATE)["jobs"]["convert"]["steps"]
    given = [step["with"].keys() for step in steps if step.get("uses", "").startswith("pinlite/")]
    assert len(given) == 2
    assert all(names <= inputs.keys() for names in given)


def test_the_page_uses_what_the_template_and_the_hooks_have():
    (hidden,) = (job for name, job in yaml.safe_load(TEMPLATE.read_text()).items() if name == ".pinlite")
    job = yaml.safe_load(PIPELINE)["convert"]
    assert job["extends"] == ".pinlite"
    assert job["variables"].keys() <= hidden["variables"].keys()
    ids = {hook["id"] for hook in yaml.safe_load(HOOKS.read_text())}
    assert {hook["id"] for repository in yaml.safe_load(CONFIG)["repos"] for hook in repository["hooks"]} == ids


def test_options_on_the_page_are_there():
    found = (field for command in ("convert", "report") for field in fields(COMMANDS[command].takes))
    flags = {f"--{field.key}" for field in found if isinstance(field.declared, Option)}
    text = " ".join((WORKFLOW, GATE, PIPELINE, CONFIG, *re.findall(r"(?s)```sh\n(.*?)```", PAGE.read_text())))
    assert set(re.findall(r"--[a-z-]+", text)) <= flags


def test_the_page_names_one_release_the_next_or_the_last():
    found = re.findall(r"(?:@v|/v|rev: v|==|VERSION: \")(\d+\.\d+\.\d+\w*)", PAGE.read_text() + TEAM)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert len(found) == 7
    assert set(found) == {declared.partition(".dev")[0]}


def test_the_hook_checks_without_an_engine(command, engine, model_file):
    (hook,) = yaml.safe_load(HOOKS.read_text())
    program, *entry = shlex.split(hook["entry"])
    assert program == "pinlite"
    Path("pinlite.toml").write_text('source = "model.py:build"\nout = "out"\n')
    status, _, err = command(*entry, *hook["args"])
    assert (status, "convert once without --locked" in err) == (2, True)
    assert command("convert")[0] == 0
    engine.requests.clear()
    assert command(*entry, *hook["args"])[0] == 0
    model_file.write_text("def build(): return 1\n")
    status, _, err = command(*entry, *hook["args"])
    assert (status, "inputs model.py was " in err, engine.requests) == (8, True, [])
    assert command(*entry, "--locked=toolchain")[0] == 0
