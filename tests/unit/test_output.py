import json
import os
import signal
from pathlib import Path

import pytest

from pinlite.errors import UsageError
from pinlite.store import output

SOURCE = "net.py:build"
REPORT = json.dumps(
    {"schema": "pinlite.report/1", "source": SOURCE, "artifacts": [{"path": "model.onnx"}, {"path": "saved_model"}]}
)
DOCUMENTS = {"report.json": REPORT}


@pytest.fixture
def artifacts(tmp_path):
    made = tmp_path / "made"
    (made / "saved_model" / "variables").mkdir(parents=True)
    (made / "saved_model" / "saved_model.pb").write_bytes(b"x" * 5000)
    (made / "model.onnx").write_bytes(b"y" * 5000)
    return {"model.onnx": made / "model.onnx", "saved_model": made / "saved_model"}


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


WHOLE = ["model.onnx", "report.json", "saved_model", "saved_model/saved_model.pb", "saved_model/variables"]


def refusal(action, *arguments):
    with pytest.raises(UsageError) as raised:
        action(*arguments)
    assert "--out" in str(raised.value)
    assert raised.value.hint
    return raised.value


def test_a_result_is_published_whole_and_with_its_parents(artifacts):
    out = Path("a/b/out")
    output.publish(output.copying(artifacts), DOCUMENTS, out)
    assert listing(out) == WHOLE
    assert (out / "report.json").read_text() == REPORT
    assert listing(out.parent) == ["out", *(f"out/{name}" for name in WHOLE)]


def test_an_empty_folder_may_be_filled(artifacts):
    Path("out").mkdir()
    output.publish(output.copying(artifacts), DOCUMENTS, Path("out"))
    assert listing(Path("out")) == WHOLE


def test_an_earlier_result_is_replaced_whole(artifacts):
    out = Path("out")
    output.publish(output.copying(artifacts), DOCUMENTS, out)
    output.publish(output.copying({"model.onnx": artifacts["model.onnx"]}), DOCUMENTS, out)
    assert listing(out) == ["model.onnx", "report.json"]
    assert listing(Path()) == ["out", "out/model.onnx", "out/report.json"]


@pytest.mark.parametrize(
    "report", [None, "", "{", "[]", "null", '{"schema": "other/1", "artifacts": []}', '{"schema": 1}', "{}", "\xff"]
)
def test_a_folder_that_holds_something_else_is_not_touched(artifacts, report):
    out = Path("out")
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    if report is not None:
        (out / "report.json").write_text(report, encoding="latin-1")
    before = listing(out)
    for action, arguments in (
        (output.check, (out, SOURCE)),
        (output.publish, (output.copying(artifacts), DOCUMENTS, out)),
    ):
        assert "thesis.tex" in str(refusal(action, *arguments))
    assert listing(out) == before
    assert (out / "thesis.tex").read_text() == "mine"


def test_a_file_of_ones_own_beside_an_earlier_result_is_not_touched(artifacts):
    out = Path("out")
    output.publish(output.copying(artifacts), DOCUMENTS, out)
    (out / "notes.txt").write_text("mine")
    assert "notes.txt" in str(refusal(output.publish, output.copying(artifacts), DOCUMENTS, out))
    assert (out / "notes.txt").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_not_touched(artifacts):
    Path("out").write_text("mine")
    assert "is a file" in str(refusal(output.check, Path("out"), SOURCE))
    refusal(output.publish, output.copying(artifacts), DOCUMENTS, Path("out"))
    assert Path("out").read_text() == "mine"


def test_a_file_in_the_place_of_a_parent_is_refused():
    Path("file").write_text("mine")
    refusal(output.check, Path("file/out"), SOURCE)


def test_a_folder_that_no_one_can_make_is_refused_before_any_work():
    # Not even root can make a folder there.
    refusal(output.check, Path("/proc/pinlite/out"), SOURCE)


def test_a_check_leaves_nothing():
    output.check(Path("a/b"), SOURCE)
    assert listing(Path()) == []


@pytest.mark.parametrize("name", ["model.onnx", "saved_model"])
def test_a_full_disk_leaves_an_earlier_result_as_it_was(artifacts, small_files, name):
    out = Path("out")
    output.publish(output.copying({}), DOCUMENTS, out)
    with small_files(1000):
        error = refusal(output.publish, output.copying({name: artifacts[name]}), DOCUMENTS, out)
    assert "too large" in str(error)
    assert listing(Path()) == ["out", "out/report.json"]


def test_a_full_disk_leaves_nothing_where_nothing_was(artifacts, small_files):
    with small_files(1000):
        refusal(output.publish, output.copying(artifacts), DOCUMENTS, Path("out"))
    assert listing(Path()) == []


def test_an_interrupt_while_copying_leaves_an_earlier_result_as_it_was(artifacts, monkeypatch):
    out = Path("out")
    output.publish(output.copying({}), DOCUMENTS, out)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        output.publish(output.copying(artifacts), DOCUMENTS, out)
    assert listing(Path()) == ["out", "out/report.json"]


@pytest.mark.parametrize("moment", ["filling", "swapping"])
def test_what_a_killed_run_left_goes_and_the_earlier_result_comes_back(artifacts, monkeypatch, moment):
    out = Path("out")
    output.publish(output.copying(artifacts), DOCUMENTS, out)
    before = listing(out)
    child = os.fork()
    if not child:

        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        if moment == "swapping":
            replace = Path.replace
            monkeypatch.setattr(Path, "replace", lambda *paths: (replace(*paths), die()))
        output.publish(die if moment == "filling" else output.copying({}), DOCUMENTS, out)
    os.waitpid(child, 0)
    assert len(list(Path().iterdir())) == (2 if moment == "filling" else 1)
    output.check(out, SOURCE)
    assert [path.name for path in Path().iterdir()] == ["out"]
    assert listing(out) == before


def test_the_result_of_another_source_is_not_touched(artifacts):
    out = Path("out")
    output.publish(output.copying(artifacts), DOCUMENTS, out)
    error = refusal(output.check, out, "other.py:build")
    assert f"another source: {SOURCE}, not other.py:build" in str(error)
    assert "--out" in error.hint
    other = {"report.json": json.dumps(json.loads(REPORT) | {"source": "other.py:build"})}
    refusal(output.publish, output.copying({}), other, out)
    assert listing(out) == WHOLE


def test_a_source_may_be_written_in_another_way(artifacts):
    output.publish(output.copying(artifacts), DOCUMENTS, Path("out"))
    for source in (f"./{SOURCE}", f"here/../{SOURCE}", str(Path(SOURCE).absolute())):
        output.check(Path("out"), source)


def test_a_source_may_be_given_from_another_folder(artifacts):
    """But a file that is where the earlier source says is that, and no other of its name."""
    output.publish(output.copying(artifacts), DOCUMENTS, Path("out"))
    Path("x").mkdir()
    output.check(Path("out"), f"x/{SOURCE}")
    Path("net.py").touch()
    refusal(output.check, Path("out"), f"x/{SOURCE}")
