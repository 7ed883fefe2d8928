"""The host half imports what it declares, and nothing that some other package happens to bring."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pinlite

ROOT = Path(__file__).parents[2]


# What imports the packages of an extra: what reads published schemas, and what speaks to a cluster.
EXTRAS = {"verify": "provenance/schemas.py", "cluster": "batch/cluster/"}


def imported(extra=""):
    """The distributions that the host half imports, in what an extra is for, or in all else."""
    homes = metadata.packages_distributions()
    package = Path(pinlite.__file__).parent
    for file in package.rglob("*.py"):
        place = file.relative_to(package).as_posix()
        if next((name for name, part in EXTRAS.items() if place.startswith(part)), "") == extra:
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
    everywhere, extras = declared(project["dependencies"]), project["optional-dependencies"]
    assert set(imported()) == everywhere
    # jsonschema is cyclonedx's to import.
    assert {*imported("verify"), "jsonschema"} == declared(extras["verify"])
    assert set(imported("cluster")) - everywhere == declared(extras["cluster"])
