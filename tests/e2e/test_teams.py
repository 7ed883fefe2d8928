"""docs/teams.md: every command that it has a reader type, in its order, prints what the page shows."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from recipes import ensured

PAGE = Path(__file__).parents[2] / "docs" / "teams.md"
ADDRESS = "registry.example.com"
CHECKER = doctest.OutputChecker()
READ = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def typed(address):
    """Each command, and what the page shows that it prints."""
    text = PAGE.read_text().replace(ADDRESS, address)
    blocks = "".join(re.findall(r"(?ms)^```console\n(.*?)^```$", text))
    for command, shown in re.findall(r"(?m)^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks):
        yield doctest.Example(command, shown)


def test_what_the_page_shows_is_what_its_commands_print(docker_engine, registry, tmp_path):
    ensured(docker_engine)
    # A store of its own, and pinlite on the path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    reader = os.environ | {"CI": "", "COLUMNS": "200", "PATH": path, "PINLITE_CACHE": str(tmp_path / "cache")}
    for example in typed(registry.host):
        done = subprocess.run(
            ["bash", "-c", example.source], cwd=tmp_path, env=reader, capture_output=True, text=True, check=False
        )
        assert CHECKER.check_output(example.want, done.stdout, READ), (
            f"{example.source}\n{CHECKER.output_difference(example, done.stdout, READ)}\n{done.stderr}"
        )
