"""``--with``: the packages that a model's own code imports."""

import pytest
from command import CASES

NETWORK = (f"{CASES}/extra.py:network", "--input", "x=1x2x4x4")


def test_a_pinned_package_is_there_for_the_model(engine, pinlite, report):
    pinlite.succeeds("convert", *NETWORK, "--with", "einops==0.4.1", "--engine", engine, "--out", "out")
    found = report(pinlite.here / "out")
    assert found["ok"]
    assert "torch-1.7.1-with" in found["toolchain"]
    assert found["versions"]["torch-1.7.1-with"]["torch"] == "1.7.1"


def test_without_it_the_error_says_what_to_add(pinlite, any_engine):
    said = pinlite.refuses(2, "convert", *NETWORK, "--engine", any_engine, "--out", "out")
    assert "imports einops, which is not there (extra.py:3)" in said
    assert "--with einops==VERSION" in said


@pytest.mark.parametrize("requirement", ["einops", "einops>=0.4", "-r evil.txt"])
def test_what_is_not_pinned_is_refused(pinlite, requirement):
    said = pinlite.refuses(2, "convert", *NETWORK, f"--with={requirement}", "--out", "out")
    assert f"{requirement!r} is not a pinned requirement" in said
    assert "--with timm==0.4.12" in said


def test_what_does_not_exist_is_refused(pinlite, any_engine):
    said = pinlite.refuses(5, "convert", *NETWORK, "--with", "einops==99.0", "--engine", any_engine, "--out", "out")
    assert "einops==99.0" in said
    assert "CPython 3.8" in said
    assert not (pinlite.here / "out").exists()


SETUP = """
from setuptools import setup
setup(name='ours', version='1', py_modules=['ours'], install_requires=['einops==0.4.1'])
"""
OURS = "from einops.layers.torch import Rearrange\n\n\ndef layer():\n    return Rearrange('b c h w -> b (c h) w')\n"
MODEL = "import ours\n\n\ndef network():\n    return ours.layer()\n"


def test_a_folder_is_built_and_a_change_of_it_is_another_image(engine, pinlite, report):
    folder = pinlite.here / "package"
    folder.mkdir(parents=True)
    (folder / "setup.py").write_text(SETUP)
    (folder / "ours.py").write_text(OURS)
    (pinlite.here / "net.py").write_text(MODEL)
    settings = 'source = "net.py:network"\ninput = ["x=1x2x4x4"]\nwith = ["./package"]\nout = "out"\n'
    (pinlite.here / "pinlite.toml").write_text(settings)
    pinlite.succeeds("convert", "--engine", engine)
    found = report(pinlite.here / "out")
    assert "pkg:pypi/einops@0.4.1" in (pinlite.here / "out" / "sbom.json").read_text()
    pinlite.succeeds("convert", "--engine", engine, "--locked")
    (folder / "ours.py").write_text(OURS.replace("b (c h) w", "b c (h w)"))
    assert "inputs package was " in pinlite.refuses(8, "convert", "--engine", engine, "--locked")
    pinlite.succeeds("convert", "--engine", engine)
    first, second = found, report(pinlite.here / "out")
    assert first["toolchain"]["torch-1.7.1-with"] != second["toolchain"]["torch-1.7.1-with"]


def test_a_source_of_the_index_is_built_where_that_is_safe_or_trusted(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "net.py").write_text("import efficientnet_pytorch\nfrom torch import nn\n\nnetwork = nn.ReLU\n")
    asked = ("net.py:network", "--input", "x=1x4", "--with", "efficientnet-pytorch==0.7.1", "--engine", any_engine)
    said = pinlite.refuses(2, "convert", *asked, "--out", "out")
    assert "efficientnet-pytorch can be had as source only" in said
    assert "--trust" in said
    pinlite.succeeds("convert", *asked, "--trust", "--out", "out")


def test_packages_are_those_of_their_time(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "net.py").write_text("import huggingface_hub\nfrom torch import nn\n\nnetwork = nn.ReLU\n")
    asked = ("net.py:network", "--input", "x=1x4", "--with", "huggingface-hub==0.0.8", "--engine", any_engine)
    pinlite.succeeds("convert", *asked, "--out", "out")
    assert "pkg:pypi/requests@2.26.0" in (pinlite.here / "out" / "sbom.json").read_text()
