"""Every kind of SOURCE, and the options that say what to feed it."""

import numpy as np
import pytest
from command import CASES, NETWORK, RUNTIMES

IMAGE = ("--input", "image=1x3x16x16")


@pytest.fixture
def convert(pinlite, any_engine, report):
    """The report of a conversion into ``out``."""

    def run(*arguments, **options):
        pinlite.succeeds("convert", *arguments, "--engine", any_engine, "--out", "out", **options)
        found = report(pinlite.here / "out")
        assert found["ok"]
        return found

    return run


def arrays(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def outputs(pinlite, folder, any_engine):
    """What a converted model computes on its samples."""
    arguments = (folder / "model.onnx", "--samples", folder / "samples.npz", "--out", "y.npz")
    pinlite.succeeds("run", *arguments, "--engine", any_engine)
    return arrays(pinlite.here / "y.npz")


def test_a_callable_in_a_file_with_what_it_imports_from_beside_it(engine, converted, report):
    found = report(converted(*NETWORK, "--engine", engine))
    assert found["ok"]
    assert found["source"] == NETWORK[0]
    assert found["versions"]["torch-1.7.1"]["torch"] == "1.7.1"


def test_a_callable_in_a_package_of_the_current_folder(pinlite, convert):
    pinlite.here.mkdir()
    (pinlite.here / "nets").symlink_to(CASES / "nets")
    found = convert("nets.small:build", "--input", "x=1x4")
    assert found["source"] == "nets.small:build"


def test_modules_of_the_users_may_be_called_as_ours_are(pinlite, convert):
    pinlite.here.mkdir()
    (pinlite.here / "net.py").write_text("from export import network\n")
    (pinlite.here / "export.py").write_text("import metric\n\n\ndef network():\n    return metric.network()\n")
    (pinlite.here / "metric.py").write_text("from layers import Block as network\n")
    (pinlite.here / "layers.py").write_text(
        "from torch import nn\n\n\nclass Block(nn.Module):\n    def forward(self, x):\n        return x * 3\n"
    )
    found = convert("net.py:network", "--input", "x=1x4")
    assert found["variants"][0]["ops"] == {"MUL": 1}


def test_a_callable_in_a_package_of_the_image(convert):
    found = convert("torchvision.models:squeezenet1_1", "--input", "x=1x3x64x64")
    assert found["variants"][0]["ops"]["CONV_2D"] == 26


@pytest.mark.parametrize("file", ["pickled.pt", "scripted.pt"])
def test_a_checkpoint_is_the_model_that_was_saved(convert, pinlite, network, checkpoints, any_engine, file):
    found = convert(checkpoints / file, *IMAGE, "--trust")
    assert found["source"] == str(checkpoints / file)
    assert found["hops"][0]["from"] == "torch"
    wanted = outputs(pinlite, network, any_engine)
    got = outputs(pinlite, pinlite.here / "out", any_engine)
    np.testing.assert_allclose(got["output"], wanted["output"], atol=1e-6)


def test_an_onnx_file_enters_at_the_check(convert, network):
    found = convert(network / "model.onnx")
    ran = {stage["name"]: stage["source"] for stage in found["stages"]}
    assert ran.pop("export") == "skipped"
    assert set(ran.values()) == {"ran"}
    assert {hop["from"] for hop in found["hops"]} == {"onnxruntime"}
    assert found["artifacts"][0]["role"] == "onnx"


def test_a_saved_model_enters_at_the_conversion(convert, saved_model):
    found = convert(saved_model, "--trust")
    ran = {stage["name"]: stage["source"] for stage in found["stages"]}
    assert {name for name, source in ran.items() if source == "skipped"} == {"export", "check", "translate"}
    assert {hop["from"] for hop in found["hops"]} == {"tensorflow"}
    assert {hop["to"] for hop in found["hops"]} == set(RUNTIMES)
    (variant,) = found["variants"]
    assert {tensor["name"] for tensor in variant["inputs"]} == {"left", "right"}
    assert {tensor["name"] for tensor in variant["outputs"]} == {"scaled", "difference"}


def test_weights_replace_those_that_the_code_made(convert, pinlite, network, checkpoints, any_engine):
    convert(*NETWORK, "--weights", checkpoints / "weights.pth", "--opset", 11)
    wanted = outputs(pinlite, network, any_engine)
    got = outputs(pinlite, pinlite.here / "out", any_engine)
    assert np.abs(got["output"] - wanted["output"]).max() > 1e-2
    assert "opset 11" in (pinlite.here / "out/model.graph.txt").read_text()
    assert "opset 12" in (network / "model.graph.txt").read_text()


def test_samples_say_what_the_inputs_are_and_are_compared_on(convert, pinlite, checkpoints):
    found = convert(NETWORK[0], "--samples", checkpoints / "samples.npz")
    (tensor,) = found["variants"][0]["inputs"]
    assert (tensor["name"], tensor["shape"], tensor["dtype"]) == ("image", [1, 3, 16, 16], "float32")
    np.testing.assert_equal(arrays(pinlite.here / "out/samples.npz"), arrays(checkpoints / "samples.npz"))


def test_the_stock_lowering_and_another_seed(convert, pinlite, network):
    found = convert(*NETWORK, "--lowering", "stock", "--seed", 1)
    assert (found["lowering"], found["seed"]) == ("stock", 1)
    assert [tensor["name"] for tensor in found["variants"][0]["outputs"]] == ["output"]
    there, before = (arrays(folder / "samples.npz") for folder in (pinlite.here / "out", network))
    assert np.abs(there["image"] - before["image"]).max() > 0.1
