"""pinlite.lock: what a recipe came to, and what holds a conversion to it."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fake_engine import INFER, STAGES
from recipes import from_pytorch

import pinlite
from pinlite import toolchain
from pinlite.machine import folders
from pinlite.provenance import lockfile
from pinlite.toolchain import extra_requirements

TOML = 'source = "model.py:build"\nout = "out"\nweights = "w.pt"\n'
WITHOUT_WEIGHTS = 'source = "model.py:build"\nout = "out"\n'


@pytest.fixture
def project(model_file):
    """A folder with a pinlite.toml, and weights."""
    Path("w.pt").write_bytes(b"weights")
    Path("pinlite.toml").write_text(TOML)
    return model_file.parent


@pytest.fixture
def convert(engine, command, project):
    assert project == Path.cwd()

    def run(*arguments):
        engine.requests.clear()
        return command("convert", *arguments)

    return run


def other_model(engine, data=b"another ONNX model"):
    made = engine.programs["export"]

    def export(call):
        result = made(call)
        call.outputs["model"].write_bytes(data)
        return result

    engine.programs["export"] = export


def locked():
    return json.loads(Path("pinlite.lock").read_text())


def test_a_file_of_options_with_whole_paths_is_held_to_its_lock(convert, model_file):
    Path("pinlite.toml").write_text(f'source = "{model_file}:build"\nout = "out"\n')
    assert convert()[0] == 0
    assert locked()["options"] == {"source": f"{model_file}:build"}
    status, _, err = convert("--locked")
    assert status == 0, err


def test_a_run_with_a_file_of_options_leaves_its_lock(convert):
    status, _, err = convert()
    assert status == 0, err
    lock = locked()
    assert lock["schema"] == "pinlite.lock/2"
    assert lock["options"] == {"source": "model.py:build", "weights": "w.pt"}
    assert set(lock["inputs"]) == {"model.py", "w.pt"}
    assert set(lock["images"]) == {image.name for image in from_pytorch()}
    assert lock["bases"] == {image.base.name: image.base.digest for image in from_pytorch()}
    assert set(lock["stages"]) == {"export", "check", "run-onnxruntime", "translate", "convert"}
    assert set(lock["stages"]["export"]["outputs"]) == {"model.onnx", "profiles.npz", "samples.npz"}
    report = json.loads(Path("out/report.json").read_text())
    assert lock["artifacts"] == {artifact["path"]: artifact["sha256"] for artifact in report["artifacts"]}


def test_the_same_run_leaves_the_same_lock(convert):
    convert()
    first = Path("pinlite.lock").read_bytes()
    convert("--no-cache")
    assert Path("pinlite.lock").read_bytes() == first


def test_a_lock_that_was_lost_is_written_again(convert):
    convert()
    first = Path("pinlite.lock").read_bytes()
    assert convert()[0] == 0
    Path("pinlite.lock").unlink()
    assert convert()[0] == 0
    assert Path("pinlite.lock").read_bytes() == first


def test_paths_are_those_of_the_file_wherever_it_is_used_from(convert, command, project, tmp_path, monkeypatch):
    convert()
    first = Path("pinlite.lock").read_bytes()
    monkeypatch.chdir(tmp_path)
    config = os.path.relpath(project / "pinlite.toml")
    assert command("convert", "--config", config)[0] == 0
    assert (project / "pinlite.lock").read_bytes() == first
    assert command("convert", "--config", config, "--locked")[0] == 0


def test_without_a_file_of_options_no_lock_is_left(convert):
    Path("pinlite.toml").unlink()
    assert convert("model.py:build", "--out", "out")[0] == 0
    assert not Path("pinlite.lock").exists()


def test_what_is_the_same_passes(convert):
    convert()
    for options in ((), ("--no-cache",), ("--engine", "venv"), ("--memory", "4g", "--out", "elsewhere")):
        status, _, err = convert("--locked", *options)
        assert status == 0, err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: Path("w.pt").write_bytes(b"others"), "inputs w.pt was "),
        (lambda: Path("model.py").write_text("def build(): return 1"), "inputs model.py was "),
        (lambda: Path("pinlite.toml").write_text(TOML + "seed = 3\n"), "options seed is new: 3"),
        (
            lambda: Path("pinlite.toml").write_text(TOML.replace('weights = "w.pt"\n', "")),
            "options weights is gone: w.pt",
        ),
    ],
)
def test_what_went_in_and_differs_is_refused_before_any_work(convert, engine, change, told):
    convert()
    before = Path("pinlite.lock").read_bytes()
    result = Path("out/report.json").read_bytes()
    change()
    status, _, err = convert("--locked")
    assert status == 8
    assert told in err
    assert engine.requests == []
    assert Path("pinlite.lock").read_bytes() == before
    assert Path("out/report.json").read_bytes() == result


def test_a_package_of_ones_own_that_differs_is_named(convert, monkeypatch):
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: extra_requirements.Added(b"", {}))
    Path("ours/.git").mkdir(parents=True)
    Path("ours/setup.py").write_text("import setuptools")
    Path("pinlite.toml").write_text(TOML + 'with = ["./ours"]\n')
    convert()
    assert locked()["options"]["with"] == ["./ours"]
    Path("ours/.git/HEAD").write_text("what is not built does not count")
    assert convert("--locked")[0] == 0
    Path("ours/setup.py").write_text("import os")
    status, _, err = convert("--locked")
    assert status == 8
    assert "inputs ours was " in err


def test_an_image_that_differs_is_named(convert, monkeypatch):
    convert()
    chosen = toolchain.load()
    onnx = chosen.images["onnx"]
    other = replace(onnx, files={**onnx.files, "programs/onnx_check/check.py": b"another program"})
    monkeypatch.setattr(toolchain, "load", lambda _: replace(chosen, images={**chosen.images, "onnx": other}))
    status, _, err = convert("--locked")
    assert status == 8
    assert "images onnx-1.8.0 identity was " in err


def test_what_came_out_and_differs_is_refused_and_nothing_is_written(convert, engine):
    convert()
    result = Path("out/model.onnx").read_bytes()
    other_model(engine)
    status, _, err = convert("--locked", "--no-cache")
    assert status == 8
    assert "artifacts model.onnx was " in err
    assert Path("out/model.onnx").read_bytes() == result


@pytest.fixture
def mine(project):
    """The project with a toolchain of its own, of which one image is its own, too."""
    pins = project / "pins" / "onnx-1.8.0"
    shutil.copytree(folders.IMAGES / "pins" / pins.name, pins)
    shutil.copy(toolchain.load().file, project / "mine.toml")
    with Path("pinlite.toml").open("a") as file:
        file.write('toolchain = "mine.toml"\n')
    return pins


def test_a_toolchain_of_the_users_is_an_input(convert, command, mine, project, tmp_path, monkeypatch):
    status, _, err = convert()
    assert status == 0, err
    lock = locked()
    assert lock["options"]["toolchain"] == "mine.toml"
    assert set(lock["inputs"]) == {"mine.toml", "model.py", mine.parent.name, "w.pt"}
    assert convert("--locked")[0] == 0
    monkeypatch.chdir(tmp_path)
    for arguments in (("convert", "--locked", "--config"), ("reproduce",)):
        name = "pinlite.toml" if arguments[0] == "convert" else "pinlite.lock"
        status, _, err = command(*arguments, str(project / name))
        assert status == 0, err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mine.toml", ["inputs mine.toml"]),
        ("pins/onnx-1.8.0/image.toml", ["inputs pins"]),
        (
            "pins/onnx-1.8.0/requirements.lock",
            ["images onnx-1.8.0 identity", "images onnx-1.8.0 packages", "inputs pins"],
        ),
    ],
)
def test_a_toolchain_of_the_users_that_differs_is_refused(convert, engine, mine, name, told):
    assert mine.is_dir()
    convert()
    with Path(name).open("a") as file:
        file.write("# changed\n")
    status, _, err = convert("--locked")
    assert status == 8
    found = [line.strip().partition(" was ")[0] for line in err.splitlines() if " was " in line]
    assert found == told
    assert engine.requests == []


def rewritten(**changed):
    """pinlite.lock as another release would have written it."""
    Path("pinlite.lock").write_text(json.dumps({**locked(), **changed}))


@pytest.fixture
def moved_on(convert, engine):
    """A conversion is on record, and the model and its weights are others since."""
    convert()
    Path("w.pt").write_bytes(b"others")
    Path("model.py").write_text("import layer\ndef build(): return 1")
    Path("layer.py").write_text("")
    other_model(engine)
    return convert


def test_the_toolchain_alone_is_held_while_the_model_moves_on(moved_on):
    before = Path("pinlite.lock").read_bytes()
    assert moved_on("--locked")[0] == 8
    status, _, err = moved_on("--locked=toolchain")
    assert status == 0, err
    assert Path("out/model.onnx").read_bytes() == b"another ONNX model"
    assert Path("pinlite.lock").read_bytes() == before


def test_options_are_held_with_the_toolchain(moved_on, engine):
    with Path("pinlite.toml").open("a") as file:
        file.write("seed = 3\n")
    status, _, err = moved_on("--locked=toolchain")
    assert (status, "options seed is new: 3" in err, engine.requests) == (8, True, [])
    assert "inputs" not in err.replace("inputs or results", "")


def test_images_are_held_with_the_toolchain(moved_on, monkeypatch):
    chosen = toolchain.load()
    onnx = chosen.images["onnx"]
    other = replace(onnx, files={**onnx.files, "programs/onnx_check/check.py": b"another program"})
    monkeypatch.setattr(toolchain, "load", lambda _: replace(chosen, images={**chosen.images, "onnx": other}))
    status, _, err = moved_on("--locked=toolchain")
    assert (status, "images onnx-1.8.0 identity was " in err) == (8, True)


def test_a_toolchain_of_the_users_is_held_by_its_files(mine, moved_on):
    assert mine.is_dir()
    assert moved_on("--locked=toolchain")[0] == 0
    with Path("mine.toml").open("a") as file:
        file.write("# changed\n")
    status, _, err = moved_on("--locked=toolchain")
    assert (status, "inputs mine.toml was " in err, "w.pt" in err) == (8, True, False)


def test_a_dry_run_holds_without_converting(convert, engine):
    convert()
    for locked in ("--locked", "--locked=toolchain"):
        status, out, err = convert("--dry-run", locked, "--json")
        assert (status, err, engine.requests) == (0, "", [])
        assert json.loads(out) == {
            "source": "model.py:build",
            "out": "out",
            "variants": ["float32"],
            "stages": ["export", "check", "translate", "convert", *INFER],
            "images": sorted({image.name for image in from_pytorch()}),
        }
    Path("w.pt").write_bytes(b"others")
    assert convert("--dry-run", "--locked=toolchain")[0] == 0
    status, out, err = convert("--dry-run", "--locked")
    assert (status, out, "inputs w.pt was " in err, engine.requests) == (8, "", True, [])


def test_a_dry_run_writes_nothing_and_shows_what_would_run(convert, project):
    there = {path.name for path in project.iterdir()}
    status, out, err = convert("--dry-run")
    assert status == 0, err
    assert "source: model.py:build\nout: out\n" in out
    assert "stages: export, " in out
    assert {path.name for path in project.iterdir()} == there


def test_the_flag_takes_no_other_word_and_not_the_next(convert):
    convert()
    status, _, err = convert("--locked", "other.py:build", "--config", "pinlite.toml")
    assert (status, "other.py" in err) == (2, True)
    status, _, err = convert("--locked=images")
    assert (status, "'images' is not one of 'all', 'toolchain'" in err) == (2, True)


def test_python_takes_what_the_command_line_takes(moved_on):
    assert moved_on
    with pytest.raises(pinlite.PinliteError, match=r"inputs layer\.py is new"):
        pinlite.convert(config="pinlite.toml", locked=True)
    assert pinlite.convert(config="pinlite.toml", locked="toolchain").ok


def test_a_lock_of_another_release_that_does_not_hold_names_it(moved_on):
    rewritten(pinlite="0.1.5")
    status, _, err = moved_on("--locked")
    assert (status, "pinlite 0.1.5 made" in err, "pip install pinlite==0.1.5" in err) == (8, True, True)
    assert moved_on("--locked=toolchain")[0] == 0


def test_a_lock_that_only_another_release_reads_names_it(convert):
    convert()
    rewritten(schema="pinlite.lock/9", pinlite="3.0.0; true")
    status, _, err = convert("--locked")
    assert (status, "pip install 'pinlite==3.0.0; true'" in err) == (2, True)
    report = json.loads(Path("out/report.json").read_text())
    report |= {"schema": "pinlite.report/9", "lock": {"pinlite": "4.0.0"}}
    Path("report.json").write_text(json.dumps(report))
    with pytest.raises(pinlite.PinliteError) as raised:
        lockfile.read(Path("report.json"))
    assert "pip install pinlite==4.0.0" in raised.value.hint


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"schema": "pinlite.lock/0"}', "no JSON"])
def test_a_lock_that_is_none_is_a_clear_error(convert, content):
    Path("pinlite.lock").write_text(content)
    status, _, err = convert("--locked")
    assert (status, "pinlite.lock is neither a pinlite.lock nor a report.json" in err) == (2, True)


def test_without_a_lock_there_is_nothing_to_hold_to(convert):
    status, _, err = convert("--locked")
    assert (status, "pinlite.lock does not exist" in err) == (2, True)
    Path("pinlite.toml").unlink()
    status, _, err = convert("model.py:build", "--locked")
    assert (status, "--config" in err) == (2, True)


@pytest.mark.parametrize("record", ["pinlite.lock", "out/report.json"])
def test_what_is_on_record_is_reproduced_without_the_store(convert, command, engine, record):
    convert()
    engine.requests.clear()
    status, out, err = command("reproduce", record)
    assert status == 0, err
    assert [*engine.asked] == list(STAGES)
    assert out.count("the same bytes") == 7


@pytest.mark.parametrize("record", ["pinlite.lock", "out/report.json"])
def test_other_bytes_are_not_a_reproduction(convert, command, engine, record):
    convert()
    other_model(engine)
    status, _, err = command("reproduce", record)
    assert status == 8
    assert "artifacts model.onnx was " in err


def test_a_lock_is_reproduced_from_another_folder(convert, command, project, tmp_path, monkeypatch):
    convert()
    monkeypatch.chdir(tmp_path)
    status, _, err = command("reproduce", str(project / "pinlite.lock"))
    assert status == 0, err


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "pinlite.report/1"}', "[1]"])
def test_what_is_no_record_is_a_clear_error(command, content):
    Path("record.json").write_text(content)
    status, _, err = command("reproduce", "record.json")
    assert (status, "record.json is neither a pinlite.lock nor a report.json" in err) == (2, True)
