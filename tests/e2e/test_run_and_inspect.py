"""One question about a model: ``pinlite run`` and ``pinlite inspect``."""

import numpy as np
import pytest

KINDS = {
    "model.onnx": ["made by pytorch 1.7", "Conv 1", "image[FLOAT, 1x3x16x16]"],
    "saved_model": ["signature serving_default", "input image: 1x3x16x16 of float32", "Conv2D"],
    "model.float32.tflite": ["signature serving_default", "image", "1x3x16x16", "CONV_2D", "MACs", "least runtime"],
}


@pytest.mark.parametrize("name", KINDS)
def test_run_shows_the_outputs_and_keeps_them(pinlite, engine, network, name):
    arguments = ("run", network / name, "--samples", network / "samples.npz", "--engine", engine, "--trust")
    shown = pinlite.succeeds(*arguments, "--out", "y.npz").out
    with np.load(pinlite.here / "y.npz") as archive:
        outputs = {key: archive[key] for key in archive.files}
    assert list(outputs) == ["output"]
    assert outputs["output"].shape == (1, 4)
    assert "output" in shown
    assert f"{outputs['output'].max():.6g}" in shown


def test_a_saved_model_is_no_data(pinlite, network, any_engine):
    arguments = (network / "saved_model", "--samples", network / "samples.npz", "--engine", any_engine)
    said = pinlite.refuses(2, "run", *arguments)
    assert "saved_model is a program" in said
    assert "--trust" in said


@pytest.mark.parametrize("name", KINDS)
def test_inspect_puts_a_model_in_words(pinlite, any_engine, network, name):
    shown = pinlite.succeeds("inspect", network / name, "--engine", any_engine).out
    for words in KINDS[name]:
        assert words in shown


@pytest.mark.parametrize("name", ["garbage.onnx", "garbage.tflite", "garbage"])
def test_what_is_no_model_is_refused(pinlite, any_engine, name):
    path = pinlite.here / name
    path.parent.mkdir()
    if path.suffix:
        path.write_bytes(b"\x08garbage" * 50)
    else:
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"\x08garbage" * 50)
    pinlite.refuses(2, "inspect", path, "--engine", any_engine)


def test_samples_that_do_not_fit_are_refused(pinlite, any_engine, network, checkpoints):
    arguments = ("--samples", checkpoints / "misnamed.npz", "--out", "y.npz", "--engine", any_engine)
    said = pinlite.refuses(2, "run", network / "model.onnx", *arguments)
    assert "the samples are named picture, the inputs image" in said
    assert not (pinlite.here / "y.npz").exists()


def test_what_is_not_there_or_of_no_kind_is_refused(pinlite, network):
    assert "there is no file" in pinlite.refuses(2, "inspect", "missing.onnx")
    assert "is neither an .onnx nor a .tflite file" in pinlite.refuses(2, "inspect", network / "samples.npz")
