"""The host half imports what it declares, and nothing that some other package happens to bring."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pinlite

ROOT = Path(__file__).parents[2]


def imported():
    for file in Path(pinlite.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_every_import_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}
    others = set(imported()) - set(sys.stdlib_module_names) - {"pinlite"}
    homes = metadata.packages_distributions()
    # jsonschema is cyclonedx's to import.
    assert {home for name in others for home in homes[name]} | {"jsonschema"} == declared
