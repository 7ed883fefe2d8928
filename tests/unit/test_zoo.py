"""The zoo's data file and table, by what can be told without PyTorch."""

import ast
import json

import conversion
import manifest
import pytest
import table
from bench import peers
from conversion import Outcome
from rich.console import Console

from pinlite.options import resolve
from pinlite.stages import check, convert, export, translate

MODELS = manifest.load()
TODAY = manifest.load(manifest.FOLDER.parent / "zoo_new" / "models.toml")
RACED = manifest.load(peers.MODELS)
REFUSING = [stage.STAGE.name for stage in (export, check, translate, convert)]


def own_models(file):
    """What a file itself makes: its functions with a decorator, and the keys of its dict MODELS."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODELS":
            yield from (key.value for key in node.value.keys)


@pytest.mark.parametrize("models", [MODELS, TODAY, RACED], ids=["models", "today", "raced"])
def test_names_are_unique(models):
    names = [model.name for model in models]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("file", sorted((manifest.FOLDER / "models").glob("*.py")), ids=lambda file: file.name)
def test_what_a_file_makes_is_what_is_listed_for_it(file):
    made = set(own_models(file))
    listed = {model.name for model in (*MODELS, *TODAY, *RACED) if model.source == f"{file}:{model.name}"}
    # These offer what a package holds besides.
    gathers = file.name.startswith("from_")
    assert made - listed == set()
    assert gathers or listed - made == set()


def test_every_model_is_a_recipe():
    for model in MODELS:
        given = {"source": model.source, "input": list(model.inputs), "with": list(model.requirements)}
        recipe = resolve(given)
        assert recipe.source.callable == model.name
        assert recipe.inputs


def test_a_refusal_names_a_stage_that_may_refuse():
    assert {model.refused for model in MODELS} <= {None, *REFUSING}


def test_a_quick_model_that_no_family_has_is_an_error(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text('quick = ["unet"]\n[[family]]\nfile = "a.py"\ninputs = []\nmodels = ["net"]\n')
    with pytest.raises(ValueError, match="unet"):
        manifest.load(file)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("unet", ["unet"]),
        ("vgg16*", ["vgg16", "vgg16_bn"]),
        ("unet, resnet18", ["resnet18", "unet"]),
        ("resnet18,resnet1?", ["resnet18"]),
    ],
)
def test_only(only, names):
    assert [model.name for model in manifest.select(MODELS, only)] == names


def test_only_and_quick_are_both_held_to():
    assert [model.name for model in manifest.select(MODELS, "unet,resnet18", quick=True)] == ["unet"]


@pytest.mark.parametrize("only", ["unett", "unet,resnet18x*"])
def test_a_pattern_that_fits_nothing_is_an_error(only):
    with pytest.raises(ValueError, match="no model is named"):
        manifest.select(MODELS, only)


FAILED = {
    "name": "net",
    "state": "crashed",
    "right": False,
    "seconds": 1.0,
    "stage": "convert",
    "message": "the worker was killed",
}
CONVERTED = Outcome("net", "converted", right=True, seconds=1.0, sha256={"model.onnx": "a", "model.tflite": "b"})


@pytest.mark.parametrize(
    ("again", "changed"),
    [
        ({"model.onnx": "a", "model.tflite": "b"}, []),
        ({"model.onnx": "a", "model.tflite": "c"}, ["model.tflite"]),
        ({}, ["model.onnx", "model.tflite"]),
    ],
)
def test_a_model_that_gives_other_bytes_again_is_not_right(again, changed):
    outcome = conversion.compared(CONVERTED, Outcome("net", "converted", right=True, seconds=1.0, sha256=again))
    assert outcome.changed == changed
    assert outcome.right == (not changed)
    assert json.loads(table.to_json([outcome], "venv"))["models"][0]["changed"] == changed


def test_the_table_says_what_came_of_the_second_time():
    again = [CONVERTED, *(conversion.compared(CONVERTED, other) for other in (CONVERTED, Outcome(**FAILED)))]
    with (console := Console(width=200)).capture() as shown:
        console.print(table.table(again))
    once, same, other = shown.get().splitlines()[1:]
    assert "bytes" not in once
    assert "same bytes" in same
    assert other.endswith("other bytes when it was converted again: model.onnx, model.tflite")
    assert table.summary(again) == "3 of 3 models converted, 2 of them twice; 1 not as they should be: net"


def test_the_table_of_a_failure_has_its_reason():
    with (console := Console(width=200)).capture() as shown:
        console.print(table.table([Outcome(**FAILED)]))
    assert "crashed" in shown.get()
    assert "convert: the worker was killed" in shown.get()
