"""What a newcomer writes first, from an installed pinlite alone: the examples, and a pinlite.toml."""

import io
import tomllib
from pathlib import Path

import pytest

from pinlite import options
from pinlite.inputs import model_code

NET = """
from torch import nn

class Block(nn.Module):
    def __init__(self, width): ...

class Net(nn.Module):
    def __init__(self, classes=10): ...
    def forward(self, image, ids, scale=1.0): ...

class Wide(nn.Module):
    def forward(self, batch): ...

def build():
    return Net(classes=3)

net = Wide()
"""


@pytest.fixture
def net():
    Path("net.py").write_text(NET)


@pytest.fixture
def typed(monkeypatch):
    """What somebody at a terminal answers."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    return lambda *lines: monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def written(file="pinlite.toml"):
    return tomllib.loads(Path(file).read_text())


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("Net", ("image", "ids")), ("build", ("image", "ids")), ("net", ("batch",)), ("Block", ()), ("absent", ())],
)
@pytest.mark.usefixtures("net")
def test_the_inputs_of_a_model_are_read_from_its_code(name, inputs):
    assert model_code.inputs(Path("net.py"), name) == inputs


@pytest.mark.usefixtures("net")
def test_flags_alone_write_a_file_that_convert_takes(command):
    flags = ("--input", "image=1x3x8x8", "--input", "ids=1x4:int64", "--variant", "float32", "--seed", "3", "--strict")
    status, out, err = command("init", "net.py:build", *flags)
    assert (status, err) == (0, "")
    assert out == "wrote pinlite.toml; pinlite convert converts by it\n"
    inputs = ["image=1x3x8x8", "ids=1x4:int64"]
    assert written() == {"source": "net.py:build", "input": inputs, "variant": ["float32"], "seed": 3, "strict": True}
    recipe = options.resolve({}, Path("pinlite.toml"))
    assert (recipe.source.callable, recipe.seed, len(recipe.inputs)) == ("build", 3, 2)


@pytest.mark.usefixtures("net")
def test_what_no_flag_says_is_asked_for(command, typed):
    typed("net.py", "build", "1x3x8x8", "1x4:int64")
    status, _, err = command("init", "--config", "mine.toml")
    assert status == 0
    assert "what gives the model (Net, Wide, build, net)" in err
    assert written("mine.toml") == {"source": "net.py:build", "input": ["image=1x3x8x8", "ids=1x4:int64"]}


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((), "nobody says the model", "pinlite init net.py"),
        (("net.py",), "nobody says what gives the model", "net.py:Net, net.py:Wide, net.py:build, net.py:net"),
        (("net.py:Net",), "nobody says the shape of image", "--input image=SHAPE --input ids=SHAPE"),
        (("net.py:Net", "--input", "image=1,3"), "is not NAME=SHAPE", "--input image=1x3"),
        (("absent.py:Net",), "there is no file absent.py", "did you mean net.py?"),
    ],
)
@pytest.mark.usefixtures("net")
def test_where_nobody_can_be_asked_it_says_what_to_give(command, arguments, message, hint):
    status, out, err = command("init", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert hint in err
    assert not Path("pinlite.toml").exists()


@pytest.mark.usefixtures("net")
def test_a_file_that_is_there_stays(command):
    Path("pinlite.toml").write_text("seed = 1\n")
    status, _, err = command("init", "net.py:Net", "--input", "image=1x3", "--input", "ids=1")
    assert status == 2
    assert "pinlite.toml is there already" in err
    assert written() == {"seed": 1}


def test_the_examples_are_written_and_can_be_converted(command):
    assert command("example")[0] == 0
    names = {path.name for path in Path("examples").iterdir()}
    assert names == {"digits", "encoder_decoder", "microcontroller.py", "mobilenet_v2.py", "resnet18.py"}
    assert (Path("examples/digits/digits.npz")).is_file()
    assert model_code.models(Path("examples/mobilenet_v2.py")) == ("mobilenet_v2",)
    status, _, err = command("example")
    assert status == 2
    assert "examples/digits is there already" in err
    assert command("example", "resnet18", "--out", "mine") == (0, "wrote mine/resnet18.py\n", "")
    status, _, err = command("example", "resnet")
    assert status == 2
    assert "hint: there are digits, encoder_decoder, microcontroller, mobilenet_v2, resnet18" in err
