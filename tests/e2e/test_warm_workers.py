"""Workers that stay for the next model, with the programs that convert."""

import pytest
from command import NETWORK, processes
from held import until

from pinlite.machine import folders


@pytest.fixture
def own(tmp_path):
    """A cache and temporary files of its own; the environments of the venv engine are those that are there."""
    for name in ("cache", "warm"):
        (tmp_path / name).mkdir()
    (tmp_path / "cache" / "venv").symlink_to(folders.cache() / "venv")
    return {"PINLITE_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "warm")}


def test_another_model_is_converted_to_the_same_bytes_by_the_workers_of_the_one_before(
    pinlite, any_engine, network, own, tmp_path
):
    def workers():
        return {*processes("environ", f"TMPDIR={tmp_path}/warm/pinlite-")}

    warm = ("--engine", any_engine, "--no-cache", "--keep-warm", "5m")
    pinlite.succeeds("convert", *NETWORK, "--cluster", 4, *warm, "--out", "first", **own)
    there = workers()
    assert len(there) == 5  # all but the export's
    pinlite.succeeds("convert", network / "model.onnx", *warm, "--out", "second", **own)
    assert workers() == there
    first, second, cold = (
        (folder / "model.float32.tflite").read_bytes()
        for folder in (pinlite.here / "first", pinlite.here / "second", network)
    )
    assert first != second
    assert second == cold
    cleaned = pinlite.succeeds("clean", **own).out
    assert cleaned.count("removed warm worker ") == len(there)
    assert workers() == set()
    until(lambda: not [*(tmp_path / "warm").iterdir()])
