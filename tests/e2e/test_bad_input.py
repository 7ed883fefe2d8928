"""What can't be meant or can't be converted: an error, its status, a hint, and nothing left."""

import pytest
from command import CASES, NETWORK

REFUSED = f"{CASES}/refused.py"


@pytest.fixture
def refused(pinlite, any_engine):
    """What a conversion says that ends with a status, without having written anything."""

    def convert(status, *arguments, **options):
        said = pinlite.refuses(status, "convert", *arguments, "--engine", any_engine, "--out", "out", **options)
        assert not (pinlite.here / "out").exists()
        return said

    return convert


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.py:network"], ["there is no file missing.py"]),
        (["missing.onnx"], ["there is no file missing.onnx"]),
        ([f"{CASES}/tinny.py:network"], ["there is no file", "did you mean", "tiny.py?"]),
        ([str(CASES)], ["is a folder, but not a SavedModel"]),
        (["model.tar"], ["'model.tar' is not a source that pinlite knows"]),
        ([NETWORK[0], "--input", "image=1x3x-1"], ["is not NAME=SHAPE[:DTYPE]"]),
        ([NETWORK[0], "--input", "image=1x3:complex64"], ["unknown dtype 'complex64'", "float32"]),
        ([*NETWORK, "--input", "image=1x3x8x8"], ["names 'image' twice"]),
        ([*NETWORK, "--weights", "missing.pth"], ["--weights: there is no file missing.pth"]),
        ([*NETWORK, "--samples", "missing.npz"], ["--samples: there is no file missing.npz"]),
        ([*NETWORK, "--opset", "13"], ["--opset 13: the toolchain classic exports opsets 7 to 12"]),
        ([*NETWORK, "--tolerance", "-1"], ["--tolerance"]),
        ([*NETWORK, "--memory", "much"], ["--memory 'much' is not a size"]),
        ([*NETWORK, "--lowering", "other"], ["'other' is not one of"]),
        ([*NETWORK, "--config", "missing.toml"], ["there is no file missing.toml"]),
    ],
    ids=lambda value: " ".join(value[-2:]).rpartition("/")[2] if "x3x16" not in str(value) else value[-1],
)
def test_what_the_command_line_can_t_mean(refused, arguments, words):
    said = refused(2, *arguments)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("tiny.py:netwrok", ["tiny has no netwrok", "there is: ", "network"]),
        ("refused.py:number", ["number gives a value of type int, no torch.nn.Module"]),
        ("refused.py:Failing", ["the model fails on its inputs", "the model has had enough (refused.py:"]),
        ("importing.py:network", ["imports nowhere_to_be_found, which is not there", "--with nowhere_to_be_found=="]),
    ],
)
def test_code_that_gives_no_model(refused, source, words):
    said = refused(2, f"{CASES}/{source}", "--input", "x=1x4")
    assert "error: export: " in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("other.pth", ["missing: 0.weight", "unexpected: 0.kernel", "hint: "]),
        ("list.pth", ["the weights are a value of type list, no state_dict"]),
    ],
)
def test_weights_that_do_not_fit(refused, checkpoints, file, words):
    said = refused(2, *NETWORK, "--weights", checkpoints / file)
    assert all(word in said for word in words), said


def test_a_checkpoint_is_no_data(refused, checkpoints):
    said = refused(2, checkpoints / "pickled.pt", "--input", "image=1x3x16x16")
    assert "pickled.pt is a program" in said
    assert "--trust" in said


@pytest.mark.parametrize("given", ["image=1x1x16x16", "image=1x3x16x16:int64"])
def test_an_input_of_the_wrong_shape_or_dtype(refused, given):
    said = refused(2, NETWORK[0], "--input", given)
    assert "error: export: the model fails on its inputs (image: [" in said
    assert "forward takes (" in said


def test_samples_that_do_not_fit(refused, checkpoints):
    said = refused(2, *NETWORK, "--samples", checkpoints / "misnamed.npz")
    assert "the samples are named picture, the inputs image" in said


def test_an_operator_that_can_t_be_exported(refused):
    said = refused(3, f"{REFUSED}:Gamma", "--input", "x=1x4")
    assert "error: export: torch 1.7.1 can't export to ONNX opset 12: lgamma (refused.py:" in said
    assert "hint: lgamma: write it with operators that ONNX has" in said


def test_an_operator_that_can_t_be_translated(refused):
    said = refused(3, f"{REFUSED}:Unique", "--input", "x=1x4")
    assert "error: translate: no translation to TensorFlow for Unique" in said
    assert "hint: replace these operators" in said


@pytest.mark.parametrize("name", ["garbage.onnx", "garbage.pt"])
def test_garbage(refused, pinlite, name):
    path = pinlite.here / name
    path.parent.mkdir()
    path.write_bytes(b"\x08garbage" * 50)
    refused(2, path, "--input", "x=1x4")


def test_no_engine(pinlite):
    arguments = ("convert", *NETWORK, "--engine", "docker", "--out", "out")
    said = pinlite.refuses(4, *arguments, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "no Docker engine answers" in said
    assert "--engine venv" in said
    assert not (pinlite.here / "out").exists()


@pytest.mark.usefixtures("any_engine")
def test_auto_takes_what_there_is(pinlite, report):
    arguments = ("convert", *NETWORK, "--engine", "auto", "--out", "out")
    pinlite.succeeds(*arguments, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert report(pinlite.here / "out")["engine"] == "venv"
