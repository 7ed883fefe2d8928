"""The files that an .onnx file keeps tensors in lie beside it, and the sandbox sees nothing else of its folder."""

import os
from pathlib import Path

import pytest
from protobuf import node, of, tensor

from pinlite import digest, options
from pinlite.conversion import sources
from pinlite.conversion.plan import prepare
from pinlite.conversion.run import Run
from pinlite.errors import UsageError
from pinlite.inputs import dependencies, external_data, paths
from pinlite.runner import provision


def written(path, *places):
    """A model with a tensor of 16 bytes at each place: the name of a file, or what `tensor` takes."""
    tensors = [
        tensor(f"w{at}", (4,), **({"external": "w.bin", "location": place} if isinstance(place, str) else place))
        for at, place in enumerate(places)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(of(node("Add", ["x", "w0"], ["y"]), initializers=tensors, opset=18, ir_version=10))
    return path


@pytest.fixture
def model():
    Path("net/weights").mkdir(parents=True)
    Path("net/w.bin").write_bytes(bytes(64))
    Path("net/weights/v.bin").write_bytes(bytes(64))
    return Path("net/net.onnx")


def test_files_beside_and_below_are_named_in_order(model):
    written(model, "weights/v.bin", "./w.bin", "w.bin")
    source = options.parse_source(str(model))
    assert source.beside == (Path("net/w.bin"), Path("net/weights/v.bin"))


def test_a_model_that_is_one_file_has_none(model):
    written(model, {})
    assert options.parse_source(str(model)).beside == ()


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "weights/../../secret",
        "/etc/passwd",
        "..",
        "..\\secret",
        "C:\\secret",
        "{outside}",
        "link",
        "folder/secret",
    ],
)
def test_nothing_outside_of_the_folder_is_named(model, location, tmp_path):
    for name in ("secret", "outside/secret"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(64))
    Path("net/link").symlink_to(tmp_path / "secret")
    Path("net/folder").symlink_to(tmp_path / "outside")
    written(model, location.format(outside=tmp_path / "secret"))
    with pytest.raises(UsageError, match="outside of its folder"):
        options.parse_source(str(model))


def test_a_link_inside_of_the_folder_is_a_file_there(model):
    Path("net/link.bin").symlink_to("weights/v.bin")
    written(model, "link.bin")
    assert options.parse_source(str(model)).beside == (Path("net/link.bin"),)


@pytest.mark.parametrize(
    "location", ["absent.bin", "weights", "pipe", "device", "", ".", "a\0b", "a" * 5000, "\x1b[2J"]
)
def test_what_is_no_file_is_missing(model, location):
    os.mkfifo("net/pipe")
    Path("net/device").symlink_to("/dev/zero")
    written(model, location)
    with pytest.raises(UsageError, match="no such file") as error:
        options.parse_source(str(model))
    assert "onnx.save" in error.value.hint


@pytest.mark.parametrize(
    "place",
    [
        {"length": 65},
        {"offset": 49, "length": 16},
        {"offset": 65},
        {"offset": 2**70, "length": 2**70},
    ],
)
def test_a_file_that_ends_before_a_tensor_is_cut_off(model, place):
    written(model, {"external": "w.bin", **place})
    with pytest.raises(UsageError, match=r"net/w.bin has 64 bytes, net.onnx needs \d+: it is cut off"):
        options.parse_source(str(model))


@pytest.mark.parametrize("place", [{}, {"offset": 48}, {"offset": 0, "length": 64}])
def test_tensors_may_share_bytes_and_have_no_length(model, place):
    written(model, *[{"external": "w.bin", **place}] * 3)
    assert options.parse_source(str(model)).beside == (Path("net/w.bin"),)


def test_more_than_protobuf_can_hold_is_refused_by_what_the_tensors_have_together(model):
    with Path("net/w.bin").open("wb") as stream:
        stream.truncate(2**30)
    once = {"external": "w.bin", "length": 2**30}
    written(model, once)
    assert options.parse_source(str(model)).beside
    for twice in ([once] * 2, [once, {"external": "w.bin"}]):
        written(model, *twice)
        with pytest.raises(UsageError, match="larger than 2 GiB"):
            options.parse_source(str(model))


def recipe(model):
    return options.resolve({"source": str(model)})


def identity(model):
    return [each.digest for each in dependencies.read(recipe(model)) if each.role == "source"]


def test_a_changed_file_changes_what_the_recipe_reads_and_is_named(model):
    written(model, "w.bin")
    before = identity(model)
    assert set(dependencies.files(dependencies.read(recipe(model)))) == {"net/net.onnx", "net/w.bin"}
    Path("net/w.bin").write_bytes(b"\1" * 64)
    assert [one == other for one, other in zip(before, identity(model), strict=True)] == [True, False]


def test_the_sandbox_is_shown_the_model_and_its_files_alone(model, tmp_path):
    written(model, "weights/v.bin", "w.bin")
    Path("net/other.bin").touch()
    shown = provision.onnx(model, external_data.beside(model), tmp_path / "run")
    files = {path.relative_to(shown).as_posix(): path.read_bytes() for path in shown.rglob("*") if path.is_file()}
    assert files == {
        "model.onnx": model.read_bytes(),
        "w.bin": bytes(64),
        "weights/v.bin": bytes(64),
    }


@pytest.mark.parametrize("name", ["net/net.onnx", "net/model.onnx"])
def test_the_name_that_the_sandbox_gives_the_model_is_no_file_of_tensors(name):
    Path("net").mkdir()
    Path("net/model.onnx").write_bytes(bytes(64))
    with pytest.raises(UsageError, match="calls the model itself"):
        options.parse_source(str(written(Path(name), "model.onnx")))


def test_a_file_that_became_a_link_to_elsewhere_is_not_shown(model, tmp_path):
    written(model, "w.bin")
    beside = external_data.beside(model)
    Path("net/w.bin").unlink()
    Path("net/w.bin").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="outside of its folder"):
        provision.onnx(model, beside, tmp_path / "run")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_model_that_is_no_file_is_refused_at_once(make):
    make("pipe.onnx")
    with pytest.raises(UsageError):
        options.parse_source("pipe.onnx")
    with pytest.raises(UsageError):
        paths.model_file(Path("pipe.onnx"))


def test_files_are_hashed_once(model, tmp_path, monkeypatch):
    written(model, "w.bin")
    plan = prepare(recipe(model))
    monkeypatch.setattr(digest, "of_file", lambda path: pytest.fail(f"{path} is read again"))
    (tmp_path / "run").mkdir()
    found = sources.with_tensors(Run(plan, None, tmp_path / "run"))
    monkeypatch.undo()
    assert found.sha256 == digest.of_tree(found.path)


def test_a_file_that_changed_after_it_was_hashed_is_hashed_again(model, tmp_path):
    written(model, "w.bin")
    plan = prepare(recipe(model))
    Path("net/w.bin").write_bytes(b"\1" * 80)
    (tmp_path / "run").mkdir()
    found = sources.with_tensors(Run(plan, None, tmp_path / "run"))
    assert found.sha256 == digest.of_tree(found.path)
