"""A whole conversion on an engine that does not see our files, and has its images from a file."""

import elsewhere
import pytest
import ssh_server
from command import NETWORK
from recipes import ensured

ASKED = (*NETWORK, "--variant", "float32", "--variant", "int8", "--calibration", "random", "--engine", "docker")


@pytest.mark.nightly
def test_it_makes_the_same_files_as_an_engine_here(docker_engine, pinlite):
    ensured(docker_engine)
    pinlite.succeeds("convert", *ASKED, "--out", "here")
    pinlite.succeeds("images", "save", "images.tar", "--engine", "docker", "--no-packages")
    with elsewhere.running() as away, ssh_server.running() as server:
        by_tcp = {"DOCKER_HOST": away.address}
        by_ssh = {"DOCKER_HOST": f"{server.address}{away.socket}", "PATH": server.path}
        pinlite.succeeds("images", "load", "images.tar", "--unsigned", "--engine", "docker", **by_tcp)
        for out, environment in (("tcp", by_tcp), ("ssh", by_ssh)):
            pinlite.succeeds("convert", *ASKED, "--out", out, **environment)
        pinlite.succeeds("clean", **by_tcp)
    for name in ("model.onnx", "model.float32.tflite", "model.int8.tflite"):
        made = (pinlite.here / "here" / name).read_bytes()
        assert made == (pinlite.here / "tcp" / name).read_bytes(), name
        assert made == (pinlite.here / "ssh" / name).read_bytes(), name
