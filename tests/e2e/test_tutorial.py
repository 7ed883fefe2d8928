"""docs/tutorial.md, and pages that go on from there: every command that they have a reader type, in their order, prints
what they show.
"""

import doctest
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pinlite.machine import folders

DOCS = Path(__file__).parents[2] / "docs"
# What each page goes on from is there after the one before it.
PAGES = ("tutorial.md", "store.md", "provenance.md", "audit.md")
# As the tutorial says, `...` stands for what is left out, and times are of one machine. So are the rounding of floats,
# digests of what differs from run to run, and who made a folder when.
MEASURED = r"""(?x) -?\d+\.(?:\d+e[-+]\d\d | \d{5,} | \d+\ ms | \d\ s$) | \b[0-9a-f]{64}\b | (?<=by\ )pinlite\ .* """
KEY = re.compile(r"\b[0-9a-f]{12}\b")
# A reader at a terminal, whose first engine is the one whose images are made here.
READER = {"CI": "", "COLUMNS": "100", "DOCKER_HOST": "unix:///nowhere"}
CHECKER = doctest.OutputChecker()
READ = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def files(page):
    """The text of each file that the page has a reader write, by name."""
    return dict(re.findall(r"(?ms)^```python\n# (\w+\.py)\n(.*?)^```$", (DOCS / page).read_text()))


def typed(page):
    """Each command, and what the page shows that it prints."""
    blocks = "".join(re.findall(r"(?ms)^```console\n(.*?)^```$", (DOCS / page).read_text()))
    for command, shown in re.findall(r"(?m)^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", blocks):
        yield command.replace("\\\n> ", ""), re.sub(f"(?m){MEASURED}", "...", shown)


def in_order(text):
    """Stages run beside one another, and end in any order. A machine that is busy has no time for profiles, on which a
    hop differs most.
    """
    text = re.sub(r"\b(equal|reported) on \w+", r"\1", text)
    return re.sub(r"(?m)(?:^[✓=] .*\n)+", lambda found: "".join(sorted(found[0].splitlines(keepends=True))), text)


@pytest.fixture
def reader(pinlite, tmp_path):
    """Somebody with a store of their own; the environments of the venv engine are those that are there."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "venv").symlink_to(folders.cache() / "venv")
    environment = READER | {"PINLITE_CACHE": str(tmp_path / "cache")}

    def run(command):
        if not command.startswith("pinlite "):
            done = subprocess.run(command, shell=True, cwd=pinlite.here, capture_output=True, text=True, check=True)
            return done.stdout, done.stderr
        if KEY.search(command):
            records = json.loads(pinlite.succeeds("cache", "ls", "--json", **environment).out)["records"]
            keys = iter([record["key"][:12] for record in records if record["name"] == "export"])
            command = KEY.sub(lambda _: next(keys), command)
        ended = pinlite(*shlex.split(command)[1:], **environment)
        return ended.out, ended.err

    return run


@pytest.mark.usefixtures("any_engine")
def test_what_pages_show_is_what_their_commands_print(reader, pinlite):
    for page in PAGES:
        for name, text in files(page).items():
            (pinlite.here / name).write_text(text)
        for command, shown in typed(page):
            out, err = reader(command)
            assert ("\nerror: " in f"\n{err}") == ("\nerror: " in f"\n{shown}"), f"{page}: {command}\n{err}"
            # What is shown is the result, or the progress or the error; or the one before the other.
            printed = [in_order(text) for text in (out, err, err + out, out + err[f"\n{err}".find("\nerror: ") :])]
            example = doctest.Example(command, in_order(shown))
            assert any(CHECKER.check_output(example.want, text, READ) for text in printed), (
                f"{page}: {command}\n{CHECKER.output_difference(example, printed[2], READ)}"
            )
