"""The tables [[signature]] of pinlite.toml."""

from pathlib import Path

import pytest

from pinlite.errors import UsageError
from pinlite.options import moved, resolve

SHARED = 'target = "litert-2"\n'
ENCODE = '[[signature]]\nname = "encode"\nsource = "model.py:build"\ninput = ["x=1x3"]\n'
STEP = '[[signature]]\nname = "step"\nsource = "model.py:build"\ninput = ["y=1x4:int64"]\ntolerance = 1e-3\n'


@pytest.fixture
def toml(tmp_path):
    """A pinlite.toml in a folder that is not the current one, beside a model.py."""

    def write(text):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "model.py").write_text("def build(): ...\n")
        (folder / "pinlite.toml").write_text(text)
        return folder / "pinlite.toml"

    return write


def refusal(text, toml, **command_line):
    with pytest.raises(UsageError) as caught:
        resolve(command_line, toml(text))
    assert caught.value.hint
    return caught.value


def test_each_signature_is_a_recipe_of_its_own(toml):
    file = toml(f"{SHARED}seed = 3\n{ENCODE}{STEP}")
    recipe = resolve({}, file)
    model = file.parent / "model.py"
    assert [*recipe.signatures] == ["encode", "step"]
    encode, step = recipe.signatures.values()
    assert [each.name for each in (*encode.inputs, *step.inputs)] == ["x", "y"]
    assert (encode.seed, step.seed) == (3, 3)
    assert (encode.tolerance, step.tolerance) == (1e-4, 1e-3)
    assert (encode.target, step.target, recipe.target) == ("litert-2",) * 3
    assert recipe.source.text == f"encode: {model}:build, step: {model}:build"
    assert recipe.out == Path("build/encode-step")
    assert recipe.models == (encode, step)
    assert encode.out == step.out == recipe.out


def test_the_command_line_wins_over_all_of_them(toml):
    recipe = resolve({"tolerance": 0.5, "out": "there"}, toml(SHARED + ENCODE + STEP))
    assert [each.tolerance for each in recipe.models] == [0.5, 0.5]
    assert recipe.out == Path("there")


def test_a_record_of_the_options_gives_the_same_recipe(toml):
    recipe = resolve({}, toml(SHARED + ENCODE + STEP))
    again = resolve({**recipe.options, "out": str(recipe.out)})
    assert again.model_dump() == recipe.model_dump()
    there = moved(recipe.options, lambda path: f"/elsewhere{path}")
    assert [each["source"][:10] for each in there["signature"]] == ["/elsewhere"] * 2


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (ENCODE, "there is one [[signature]] alone", "serving_default"),
        ("signature = 3\n", "signature is no list of tables", "[[signature]]"),
        (ENCODE + "[[signature]]\n", "signature 2 has no name", "[[signature]]"),
        (ENCODE + ENCODE, "two signatures are called 'encode'", "a name of its own"),
        (ENCODE + STEP.replace('"step"', '"a step"'), "signature 2: name = 'a step': it is no name", "letters, digits"),
        (ENCODE + STEP.replace('"step"', "2"), "signature 2: name = 2: it is no name", "letters, digits"),
        (ENCODE + '[[signature]]\nname = "step"\n', "signature step has no source", "source ="),
        (ENCODE + STEP + 'imput = ["a=1"]\n', "signature step: unknown key 'imput'", "did you mean input?"),
        (ENCODE + STEP + 'target = "micro"\n', "signature step: unknown key 'target'", "known: source"),
        (ENCODE + STEP + 'opset = "12"\n', "signature step: opset = '12'", "--help"),
        (ENCODE + STEP.replace("model.py", "gone.py"), "signature step: there is no file", "model.py"),
        (f"tolerence = 1\n{ENCODE}{STEP}", "unknown key 'tolerence'", "did you mean tolerance?"),
    ],
)
def test_what_is_wrong_in_a_table_names_it(toml, text, message, hint):
    error = refusal(f'target = "litert-2"\n{text}', toml)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("target", ["tflite-2.4", "micro", "ethos-u55-128"])
def test_a_target_whose_runtimes_run_the_first_alone(toml, target):
    error = refusal(f'target = "{target}"\n{ENCODE}{STEP}', toml)
    assert error.message.endswith(
        f"--target {target}: not every runtime of it runs a second signature, some run the first alone"
    )
    assert error.hint == "take --target tflite-2.10 or --target litert-2"


def test_the_usual_target_is_one_of_those(toml):
    assert "--target tflite-2.4" in refusal(ENCODE + STEP, toml).message


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("metadata = true", "--metadata"),
        ('example = ["python"]', "--example"),
        ("prune = 0.5", "--prune"),
        ('evaluate = "model.py:build"', "--evaluate"),
        ('ops = "select-tf"', "--ops select-tf"),
        ('lowering = "stock"', "lowering stock"),
    ],
)
def test_what_is_for_one_model_is_refused(toml, option, named):
    error = refusal(f"{SHARED}{option}\n{ENCODE}{STEP}", toml)
    assert named in error.message


def test_a_source_on_the_command_line_is_refused(toml):
    error = refusal(SHARED + ENCODE + STEP, toml, source="model.py:build")
    assert "model.py:build is given, and" in error.message


def test_toolchains_that_differ_are_refused(toml):
    """Auto is another toolchain for a file of a later torch."""
    file = toml(SHARED + ENCODE + '[[signature]]\nname = "step"\nsource = "later.pt2"\n')
    (file.parent / "later.pt2").write_bytes(b"PK")
    with pytest.raises(UsageError, match="have toolchain classic and current") as caught:
        resolve({}, file)
    assert "toolchain above the first [[signature]]" in caught.value.hint
