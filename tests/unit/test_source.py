"""The forms of SOURCE and of --input."""

import re
from pathlib import Path

import pytest

from pinlite import options
from pinlite.errors import UsageError


def source(text):
    found = options.parse_source(text)
    assert found.text == text
    return found.kind, found.path, found.module, found.callable


@pytest.mark.parametrize("name", ["net.py", "deep/er/net.py"])
def test_a_file_and_its_callable(name):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()
    assert source(f"{name}:build") == ("python", Path(name), "net", "build")
    assert source(f"{name}:Net.small") == ("python", Path(name), "net", "Net.small")


def test_a_folder_with_a_colon_is_no_trouble():
    Path("a:b").mkdir()
    Path("a:b/net.py").touch()
    assert source("a:b/net.py:build") == ("python", Path("a:b/net.py"), "net", "build")


def test_a_module_of_the_image():
    assert source("torchvision.models:resnet18") == ("python", None, "torchvision.models", "resnet18")


def test_a_module_below_the_current_folder_brings_its_package():
    Path("nets/deep").mkdir(parents=True)
    assert source("nets.deep.one:build") == ("python", Path("nets").absolute(), "nets.deep.one", "build")
    Path("single.py").touch()
    assert source("single:build") == ("python", Path("single.py").absolute(), "single", "build")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.pt", "checkpoint"), ("a.pth", "checkpoint"), ("a.torchscript", "checkpoint"), ("a.onnx", "onnx")],
)
def test_a_file_by_its_ending(name, kind):
    Path(name).touch()
    assert source(name) == (kind, Path(name), "", "")


def test_a_saved_model_is_a_folder():
    Path("model").mkdir()
    Path("model/saved_model.pb").touch()
    assert source("model") == ("saved_model", Path("model"), "", "")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("absent.py:build", "absent.py"),
        ("absent.onnx", "absent.onnx"),
        ("absent.pt", "absent.pt"),
        ("net.py", "net.py"),
        ("net.py:", "net.py:"),
        ("net.py:build()", "net.py:build()"),
        ("net.py:../up", "net.py:../up"),
        ("torchvision.models", "torchvision.models"),
        ("torchvision.models:", "torchvision.models:"),
        ("", "''"),
        ("a b:c", "a b:c"),
        ("folder", "not a SavedModel"),
        ("folder.onnx", "folder.onnx"),
        ("net.h5", "net.h5"),
    ],
)
def test_what_is_no_source_is_named_with_a_hint(text, names):
    Path("net.py").touch()
    Path("net.h5").touch()
    Path("folder").mkdir()
    Path("folder.onnx").mkdir()
    with pytest.raises(UsageError) as raised:
        options.parse_source(text)
    assert names in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("net.safetensors", "path/to/file.py:callable --weights net.safetensors"),
        ("last.ckpt", "path/to/file.py:callable --weights last.ckpt"),
        ("best.pth.tar", "path/to/file.py:callable --weights best.pth.tar"),
        ("net.h5", "TensorFlow's own TFLiteConverter takes a Keras model"),
        ("net.keras", "TensorFlow's own TFLiteConverter takes a Keras model"),
        ("net.ipynb", "jupyter nbconvert --to script net.ipynb; then give that file.py:callable"),
        ("net.ipynb:Net", "jupyter nbconvert --to script net.ipynb; then give that file.py:callable"),
        ("net.tflite", "pinlite inspect, audit, run and diff take it"),
        ("saved_model.pb", "give the folder of a SavedModel"),
        ("https://example.org/net.onnx", "download what is there, and give the file"),
    ],
)
def test_what_people_have_in_place_of_a_source_is_told_what_to_do(text, advice):
    Path(text.partition(":")[0]).touch()
    with pytest.raises(UsageError, match=re.escape(text)) as raised:
        options.parse_source(text)
    assert advice in raised.value.hint


def test_a_file_of_python_alone_names_what_in_it_may_be_the_model():
    Path("net.py").write_text(
        "from torch import nn\n"
        "class Block(nn.Module):\n    def __init__(self, width): ...\n"
        "class Net(nn.Module):\n    def __init__(self, classes=10): ...\n"
        "class Wide(Net): ...\n"
        "class Settings: ...\n"
        "def build(*, classes=10): ...\n"
        "def train(model): ...\n"
        "def _helper(): ...\n"
        "net = Net(3)\n"
    )
    for text in ("net.py", "net.py:"):
        with pytest.raises(UsageError, match=re.escape(repr(text))) as raised:
            options.parse_source(text)
        assert raised.value.hint.endswith(": net.py:Net, net.py:Wide, net.py:build, net.py:net")


def test_a_misspelt_file_suggests_the_nearest():
    Path("mobilenet.py").touch()
    with pytest.raises(UsageError) as raised:
        options.parse_source("mobilnet.py:build")
    assert raised.value.hint == "did you mean mobilenet.py?"


@pytest.mark.parametrize(
    ("text", "name", "shape", "dtype"),
    [
        ("input=1x3x224x224", "input", (1, 3, 224, 224), "float32"),
        ("ids=1x16:int64", "ids", (1, 16), "int64"),
        ("factor=", "factor", (), "float32"),
        ("factor=:int32", "factor", (), "int32"),
        ("x=7", "x", (7,), "float32"),
        ("mask=2x2:bool", "mask", (2, 2), "bool"),
        ("a.b/c=1", "a.b/c", (1,), "float32"),
    ],
)
def test_an_input(text, name, shape, dtype):
    spec = options.parse_input(text)
    assert (spec.name, spec.shape, spec.dtype) == (name, shape, dtype)


@pytest.mark.parametrize(
    "text",
    ["", "x", "=", "=1", "x=1x", "x=x1", "x=0x3", "x=-1x3", "x=1,3", "x=1X3", "x=a", "x=1.5", "x=1x3:float", "x=1:"],
)
def test_what_is_no_input_is_named_with_a_hint(text):
    with pytest.raises(UsageError) as raised:
        options.parse_input(text)
    assert repr(text) in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x=1,3,64,64", "x=1x3x64x64"),
        ("x=1X3X64X64", "x=1x3x64x64"),
        ("x=(1, 3, 64)", "x=1x3x64"),
        ("ids=[1,16]:int64", "ids=1x16:int64"),
        ("1x3x64x64", "NAME=1x3x64x64"),
    ],
)
def test_a_shape_that_is_written_in_another_way_is_written_anew(text, meant):
    with pytest.raises(UsageError) as raised:
        options.parse_input(text)
    assert raised.value.hint == f"did you mean --input {meant}?"


@pytest.mark.parametrize("text", ["x=-1x3x64x64", "x=?x3x64x64", "x=Nx3x64x64", "x=0x3x64x64", "x=None,3,64,64"])
def test_an_input_of_an_open_size_needs_one_and_what_leaves_it_open(text):
    with pytest.raises(UsageError) as raised:
        options.parse_input(text)
    assert ": --input x=1x3x64x64; --dynamic x.0=batch beside it leaves the batch open" in raised.value.hint


@pytest.mark.parametrize(("dtype", "meant"), [("float", "float32"), ("long", "int64"), ("flaot16", "float16")])
def test_a_dtype_of_another_name_suggests_its_own(dtype, meant):
    with pytest.raises(UsageError, match=f"unknown dtype '{dtype}'") as raised:
        options.parse_input(f"x=1:{dtype}")
    assert raised.value.hint.startswith(f"did you mean {meant}? ")


@pytest.mark.parametrize("text", ["timm==0.4.12", "a-b_c.d==1", "a[x,y]==1.0", "a==1.0+cu110", "a==1!2.0rc1"])
def test_a_pinned_requirement_is_taken(text):
    options.check_requirement(text)


@pytest.mark.parametrize(
    "text",
    ["", "timm", "timm>=1", "timm==0.4.*", "timm==0.4,!=1", "timm~=1", "timm == 1", "-r x.txt", "--index-url=x==1",
     "timm @ https://x/y.whl", "./timm==1", "timm==1\n-e .", "timm==1; python_version>'3'"],
)  # fmt: skip
def test_an_unpinned_requirement_is_refused(text):
    with pytest.raises(UsageError) as raised:
        options.check_requirement(text)
    assert repr(text) in str(raised.value)
    assert "==" in raised.value.hint


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "variables/../../secret"])
def test_a_saved_model_with_a_link_that_leads_out_is_refused(target):
    Path("secret").touch()
    Path("model/variables").mkdir(parents=True)
    Path("model/saved_model.pb").touch()
    Path("model/variables/inner").symlink_to("../saved_model.pb")
    assert source("model")[0] == "saved_model"
    Path("model/assets").symlink_to(target)
    with pytest.raises(UsageError, match="model/assets is a link that leads out of model") as caught:
        source("model")
    assert "cp -rL" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS", "git lfs pull"),
        (b"<!DOCTYPE html>\n<html>", "web page", "download"),
        (b"<HTML><head>", "web page", "download"),
        (b"PK\x03\x04" + bytes(99), "zip archive", ".pt"),
        (b"\x1f\x8b\x08" + bytes(9), "gzip", "gunzip"),
        (b"\x80\x02}q\x00.", "pickled", ".pt"),
        (b"\x89HDF\r\n", "HDF5", "TFLiteConverter"),
        (b"\x18\0\0\0ORTM" + bytes(9), "onnxruntime's own format", ".onnx file"),
    ],
)
def test_what_people_have_under_a_model_s_name_is_named(content, what, hint):
    Path("net.onnx").write_bytes(content)
    with pytest.raises(UsageError, match=what) as error:
        options.parse_source("net.onnx")
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS to the file"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x1c\0\0\0TFL3", "a TFLite file"),
    ],
)
def test_what_people_have_under_a_checkpoint_s_name_is_named(content, what):
    Path("net.pt").write_bytes(content)
    with pytest.raises(UsageError, match=f"^net.pt is {what}") as error:
        options.parse_source("net.pt")
    assert error.value.hint
    with pytest.raises(UsageError, match=f"^--weights: net.pt is {what}"):
        options.resolve({"source": "net:build", "weights": "net.pt#model"})


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\2}q\0.", b"\x7b\x22\0\0\0\0\0\0{}"])
def test_what_pytorch_writes_is_a_checkpoint(content):
    Path("net.pt").write_bytes(content)
    assert source("net.pt")[0] == "checkpoint"
    assert options.resolve({"source": "net:build", "weights": "net.pt"}).weights == Path("net.pt")
