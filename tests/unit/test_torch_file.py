"""What `--toolchain auto` stands for: classic, unless a file says that a later torch wrote it."""

import zipfile
from pathlib import Path

import pytest

from pinlite.inputs import torch_file
from pinlite.options import resolve

OF_1_7 = {"data.pkl": b"", "data/0": b"", "version": b"3\n"}
SCRIPT = {**OF_1_7, "constants.pkl": b"", "code/__torch__.py": b""}


def archive(members, name="model.pt"):
    with zipfile.ZipFile(name, "w") as made:
        for member, data in members.items():
            made.writestr(f"a-name/{member}", data)
    return Path(name)


@pytest.mark.parametrize(
    "members",
    [
        {**OF_1_7, "byteorder": b"little"},
        {**OF_1_7, ".data/serialization_id": b"1"},
        {**OF_1_7, ".format_version": b"1"},
        {**OF_1_7, ".storage_alignment": b"64"},
        {**SCRIPT, "version": b"6\n"},
        {name: data for name, data in SCRIPT.items() if name != "version"} | {".data/version": b"10\n"},
    ],
    ids=lambda members: [*members][-1],
)
def test_what_later_ones_write_takes_current(members):
    assert torch_file.is_later(archive(members))
    assert resolve({"source": "model.pt"}).toolchain == "current"
    assert resolve({"source": "model.pt"}).opset == 20
    assert resolve({"source": "model.pt", "toolchain": "classic"}).toolchain == "classic"


@pytest.mark.parametrize("members", [OF_1_7, SCRIPT, {**SCRIPT, "version": b"5\n"}, {**SCRIPT, "version": b"five"}, {}])
def test_what_says_nothing_takes_classic(members):
    archive(members)
    assert resolve({"source": "model.pt"}).toolchain == "classic"


@pytest.mark.parametrize("content", [b"", b"\x80\x02]", b"PK\x03\x04 and no more", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_takes_classic(content):
    Path("model.pt").write_bytes(content)
    assert resolve({"source": "model.pt"}).toolchain == "classic"


def test_a_version_that_can_not_be_read_is_torchs_to_refuse():
    file = archive({**SCRIPT, "version": b"10\n"})
    data = file.read_bytes()
    file.write_bytes(data.replace(b"10\n", b"11\n"))
    assert not torch_file.is_later(file)


def test_a_program_takes_current_and_code_takes_classic(model_file):
    Path("model.pt2").write_bytes(b"")
    assert resolve({"source": "model.pt2"}).toolchain == "current"
    assert resolve({"source": f"{model_file}:build"}).toolchain == "classic"
    assert resolve({"source": f"{model_file}:build", "toolchain": "auto"}).toolchain == "classic"
