"""The host half imports what it declares, and nothing that some other package happens to bring."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pinlite

ROOT = Path(__file__).parents[2]


# What reads published schemas, and nothing else of pinlite imports.
VERIFYING = "provenance/schemas.py"


def imported(*, verifying):
    """The distributions that the host half imports, in what only verifies or in all else."""
    homes = metadata.packages_distributions()
    package = Path(pinlite.__file__).parent
    for file in package.rglob("*.py"):
        if (file == package / VERIFYING) is verifying:
            others = set(names(file)) - set(sys.stdlib_module_names) - {"pinlite"}
            yield from (home.lower() for name in others for home in homes[name])


def names(file):
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def declared(requirements):
    return {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}


def test_every_import_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(imported(verifying=False)) == declared(project["dependencies"])
    # jsonschema is cyclonedx's to import.
    verify = project["optional-dependencies"]["verify"]
    assert {*imported(verifying=True), "jsonschema"} == declared(verify)
