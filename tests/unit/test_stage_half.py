"""How the packages of stage programs are laid out: their names, and what each imports of the others."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "images" / "programs"
PACKAGES = sorted(path.name for path in PROGRAMS.iterdir() if path.is_dir())
MODULES = sorted(path.relative_to(PROGRAMS) for path in PROGRAMS.rglob("*.py"))
# A module for each family of operators, whose names are the same on all sides.
FAMILIES = ("onnx_adapt/rules", "onnx_adapt/rules/microsoft", "onnx_nhwc/handlers", "torch_symbolics")

MAY_IMPORT = {
    "stagekit": set(),
    "torch_export": {"stagekit"},
    "torch_symbolics": {"stagekit", "torch_export"},
    "torch_dynamo": {"stagekit", "torch_export"},
    "onnx_adapt": {"stagekit"},
    "onnx_check": {"stagekit"},
    "onnx_translate": {"stagekit"},
    "onnx_nhwc": {"stagekit", "onnx_translate"},
    "tflite_convert": {"stagekit"},
    "tflite_run": {"stagekit"},
    "tflite_metadata": {"stagekit"},
    "micro_run": {"stagekit", "tflite_run"},
    "vela_compile": {"stagekit", "tflite_run"},
    "web_run": {"stagekit", "tflite_run"},
}


def imported(path: Path) -> set[str]:
    """The first names of all modules that a file imports, but for those of its own package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_a_name_of_a_module_stands_for_one_thing():
    counts = Counter(path.name for path in MODULES if path.parent.as_posix() not in FAMILIES)
    families = {path.name for path in MODULES if path.parent.as_posix() in FAMILIES}
    again = [name for name, count in counts.items() if count > 1 or name in families]
    assert again == ["__init__.py"]


def test_every_module_says_what_is_in_it():
    assert [path for path in MODULES if not ast.get_docstring(ast.parse((PROGRAMS / path).read_text()))] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_what_their_docstrings_say(package):
    others = {name for path in (PROGRAMS / package).rglob("*.py") for name in imported(path)} & set(PACKAGES)
    assert others - {package} <= MAY_IMPORT[package]
    docstring = ast.get_docstring(ast.parse((PROGRAMS / package / "__init__.py").read_text()))
    assert all(f"`{name}`" in docstring for name in MAY_IMPORT[package])
