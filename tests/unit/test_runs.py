"""The same command again is answered at once, and only where nothing that it read has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinlite import digest, toolchain
from pinlite.machine import folders
from pinlite.store.files import Store

INPUTS = ("--input", "image=1x3x4x4")


@pytest.fixture
def convert(engine, command, model_file):
    """Run ``pinlite convert``: what it printed, and whether it was answered by the shortcut."""

    def run(*arguments):
        engine.requests.clear()
        before = sorted(Store().root.rglob("*.json"))
        status, out, err = command("convert", f"{model_file.name}:build", "--out", "out", *arguments)
        assert status == 0, err
        # What goes through the actions tells of each of them.
        return out, "export" not in err, sorted(Store().root.rglob("*.json")) == before

    return run


def content(folder="out"):
    return {path: path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_the_same_command_is_answered_at_once(convert):
    first, shortened, _ = convert()
    assert not shortened
    again, shortened, kept = convert()
    assert shortened
    assert kept
    assert "hit" in again
    assert [line for line in again.splitlines() if "equal" in line] == [
        line for line in first.splitlines() if "equal" in line
    ]


def test_the_folder_is_as_the_first_command_left_it(convert):
    convert()
    first = content()
    for damage in (Path.unlink, lambda path: path.write_bytes(b"changed"), None):
        if damage:
            damage(Path("out/model.float32.tflite"))
        _, shortened, _ = convert()
        assert shortened
        assert {path: data for path, data in content().items() if path.name != "report.json"} == {
            path: data for path, data in first.items() if path.name != "report.json"
        }


def test_a_file_of_ones_own_is_not_lost(convert, command, model_file):
    convert()
    Path("out/notes.txt").write_text("mine")
    status, _, err = command("convert", f"{model_file.name}:build", "--out", "out")
    assert status == 2
    assert "notes.txt" in err
    assert Path("out/notes.txt").read_text() == "mine"


def test_json_is_that_of_the_run(convert):
    first, *_ = convert("--json")
    again, shortened, _ = convert("--json")
    assert shortened
    assert again == first.replace('"source": "ran"', '"source": "hit"')


@pytest.mark.parametrize("options", [("--seed", "1"), INPUTS, ("--no-cache",), ("--refresh", "export")])
def test_another_command_is_another_answer(convert, options):
    convert()
    assert not convert(*options)[1]


@pytest.mark.parametrize("options", [("--no-cache",), ("--refresh", "export")])
def test_what_is_to_be_made_is_made_every_time(convert, options):
    convert(*options)
    assert not convert(*options)[1]


def test_what_a_command_reads_counts(convert, model_file):
    Path("w.pt").write_bytes(b"weights")
    Path("beside.py").write_text("x = 1\n")
    model_file.write_text("import beside\n" + model_file.read_text())
    options = ("--weights", "w.pt")
    convert(*options)
    assert convert(*options)[1]
    for path, data in (("w.pt", b"others"), ("beside.py", b"x = 2\n"), (model_file, b"def build():\n    pass\n")):
        Path(path).write_bytes(data)
        assert not convert(*options)[1]
        assert convert(*options)[1]


@pytest.fixture
def mine():
    """A toolchain of the user's, with an image of its own."""
    classic = toolchain.load()
    pins = Path("pins", "onnx-1.8.0")
    shutil.copytree(folders.IMAGES / "pins" / pins.name, pins)
    return Path(shutil.copy(classic.file, "mine.toml")), pins


def test_a_toolchain_of_the_users_counts_with_its_images(convert, mine):
    file, pins = mine
    options = ("--toolchain", str(file))
    convert(*options)
    assert convert(*options)[1]
    for path in (file, pins / "image.toml", pins / "requirements.in", pins / "requirements.lock"):
        path.write_text(path.read_text() + "# changed\n")
        assert not convert(*options)[1]
        assert convert(*options)[1]


def test_an_image_that_comes_to_be_beside_a_toolchain_counts(convert, mine):
    file, pins = mine
    options = ("--toolchain", str(file))
    pins.parent.rename("kept")
    convert(*options)
    assert convert(*options)[1]
    Path("kept").rename(pins.parent)
    assert not convert(*options)[1]
    assert convert(*options)[1]


def test_what_changes_during_the_run_is_not_answered_for(convert, engine):
    weights = Path("w.pt")
    weights.write_bytes(b"weights")
    exported = engine.programs["export"]

    def export(call):
        weights.write_bytes(b"changed meanwhile")
        return exported(call)

    engine.programs["export"] = export
    convert("--weights", "w.pt")
    engine.programs["export"] = exported
    weights.write_bytes(b"weights")
    assert not convert("--weights", "w.pt")[1]


def test_a_module_that_comes_to_be_beside_the_model_counts(convert, model_file):
    model_file.write_text("try:\n    import later\nexcept ImportError:\n    later = None\n" + model_file.read_text())
    convert()
    Path("later.py").write_text("")
    assert not convert()[1]


def test_the_file_of_options_counts(engine, command, model_file):
    Path("pinlite.toml").write_text(f'source = "{model_file.name}:build"\nout = "out"\n')
    for shortened in (False, True):
        status, _, err = command("convert", "--config", "pinlite.toml")
        assert (status, "export" not in err) == (0, shortened)
    Path("pinlite.toml").write_text(f'source = "{model_file.name}:build"\nout = "out"\nseed = 1\n')
    engine.requests.clear()
    status, _, err = command("convert", "--config", "pinlite.toml")
    assert (status, [request.id for request in engine.requests]) == (0, ["export", "check"]), err


def test_another_folder_is_another_answer(convert, tmp_path, monkeypatch):
    convert()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.py").write_text("def build():\n    return 1\n")
    monkeypatch.chdir(elsewhere)
    assert not convert()[1]


def test_another_pinlite_is_another_answer(convert, monkeypatch, tmp_path):
    convert()
    images = tmp_path / "images"
    images.mkdir()
    for entry in folders.IMAGES.iterdir():
        (images / entry.name).symlink_to(entry)
    (images / "more").write_text("")
    monkeypatch.setattr(folders, "IMAGES", images)
    assert not convert()[1]


@pytest.mark.parametrize(
    "damaged", [b"", b"{}", b"[]", b'{"read": 1}', b'{"read": [], "out": "out", "files": {"a": 1}}']
)
def test_a_damaged_answer_is_none(convert, damaged):
    convert()
    for path in (Store().root / "runs").rglob("*.json"):
        path.chmod(0o644)
        path.write_bytes(damaged)
    assert not convert()[1]
    assert convert()[1]


def test_what_the_store_has_lost_is_made_again(convert):
    convert()
    first = content()
    for path in (Store().root / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    Path("out/model.onnx").unlink()
    assert not convert()[1]
    assert content()[Path("out/model.onnx")] == first[Path("out/model.onnx")]


def test_a_run_that_fails_is_no_answer(engine, command, model_file):
    made = engine.programs["infer"]

    def drift(call):
        result = made(call)
        call.outputs["outputs"].write_bytes(b"none")
        return result

    engine.programs["infer"] = drift
    for _ in range(2):
        status, _, err = command("convert", f"{model_file.name}:build", "--out", "out")
        assert status == 6, err


def test_nothing_heavy_is_imported():
    heavy = {"docker", "numpy", "pydantic", "typer"}
    program = "import sys; from pinlite.cli.main import main; import pinlite.cli.again; "
    program += "import pinlite.store.runs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert heavy & set(done.stdout.split()) == set()


def test_what_the_user_gave_is_not_kept_twice_and_comes_from_there(engine, command):
    """The file of an ONNX model is a part of its result, too."""
    given = Path("given.onnx")
    given.write_bytes(b"given")
    arguments = ("convert", "given.onnx", *INPUTS, "--out", "out")
    assert command(*arguments)[0] == 0
    first = content()
    assert first[Path("out/model.onnx")] == b"given"
    assert not Store().blob(digest.of_bytes(b"given")).exists()
    engine.requests.clear()
    shutil.rmtree("out")
    assert command(*arguments)[0] == 0
    assert engine.requests == []
    assert content() == first
    # Another file in its place is another model.
    given.write_bytes(b"given anew")
    assert command(*arguments)[0] == 0
    assert engine.requests
