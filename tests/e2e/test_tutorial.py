"""docs/tutorial.md: every command that it has a reader type, in its order, prints what the page shows."""

import doctest
import re
import shlex
import subprocess
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
# As the page says, `...` stands for what is left out, times are of one machine, and so is the rounding of floats.
MEASURED = r"-?\d+\.(?:\d+e[-+]\d\d|\d{5,}|\d+ ms)"
# A reader at a terminal, whose first engine is the one whose images are made here.
READER = {"CI": "", "COLUMNS": "100", "DOCKER_HOST": "unix:///nowhere"}
CHECKER = doctest.OutputChecker()
READ = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def typed():
    """Each command, and what the page shows that it prints."""
    blocks = "".join(re.findall(r"(?ms)^```console\n(.*?)^```$", TUTORIAL.read_text()))
    for command, shown in re.findall(r"(?m)^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", blocks):
        yield shlex.split(command.replace("\\\n> ", "")), doctest.Example(command, re.sub(MEASURED, "...", shown))


@pytest.mark.usefixtures("any_engine")
def test_what_the_tutorial_shows_is_what_its_commands_print(pinlite):
    for (name, *words), example in typed():
        if name == "pinlite":
            printed = pinlite.succeeds(*words, **READER).out
        else:
            printed = subprocess.check_output([name, *words], cwd=pinlite.here, text=True)
        assert CHECKER.check_output(example.want, printed, READ), (
            f"{example.source}\n{CHECKER.output_difference(example, printed, READ)}"
        )
