"""What every executor does alike. A suite inherits `ExecutorConformance` and gives its executor as a fixture."""

import json
import time
from pathlib import Path

import pytest

from pinlite.digest import of_file
from pinlite.events import InModel, ModelPlanned, ModelStarted, StageFinished, ignore

# What two runs of a conversion may differ in: times, and what has times in it.
TIMED = {"report.json", "provenance.json", "provenance.json.sha256"}
SLOW = "import time\n\n\ndef build():\n    time.sleep(300)\n"


def content(folder: Path) -> dict[str, bytes]:
    """The files of a result that do not have times in them."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in TIMED}


class ExecutorConformance:
    """A suite has a fixture ``executor``: a `pinlite.batch.executor.Executor`."""

    @pytest.fixture
    def carried_out(self, executor):
        """The results of tasks by their names, and what was told."""

        def run(*tasks):
            told = []
            results = {result.name: result for result in executor.results(tasks, told.append)}
            assert results.keys() == {task.name for task in tasks}
            return results, told

        return run

    def test_each_task_has_the_folder_that_a_conversion_writes(self, carried_out, task, converted):
        results, _ = carried_out(task("one"), task("two", seed=3))
        assert sorted(path.name for path in Path("out").iterdir()) == ["one", "two"]
        for name, seed in (("one", 0), ("two", 3)):
            alone = converted(seed)
            assert results[name].state == "right", results[name]
            assert content(Path("out", name)) == content(alone)
            reports = [json.loads((folder / "report.json").read_text()) for folder in (Path("out", name), alone)]
            (made,) = results[name].files
            assert made.sha256 == of_file(alone / made.path)
            assert reports[0].keys() == reports[1].keys()
            for part in ("source", "lock", "artifacts"):
                assert reports[0][part] == reports[1][part]

    def test_what_fails_takes_nothing_with_it(self, carried_out, task):
        Path("broken.py").write_text("def build():\n    raise ValueError('no weights')\n")
        results, _ = carried_out(task("broken", "broken.py:build"), task("missing", "no.onnx"), task("one"))
        assert {name: result.state for name, result in results.items()} == {
            "broken": "failed",
            "missing": "failed",
            "one": "right",
        }
        assert (results["missing"].code, results["missing"].exit_status) == ("usage", 2)
        assert "no.onnx" in results["missing"].message
        assert (results["broken"].code, results["broken"].stage) == ("usage", "export")
        assert "no weights" in results["broken"].message
        assert not any(str(Path.home()) in result.hint for result in results.values())
        assert [path.name for path in Path("out").iterdir()] == ["one"]

    def test_what_is_told_is_told_of_models_that_have_begun(self, carried_out, task):
        results, told = carried_out(task("one"), task("other", seed=4))
        assert {result.state for result in results.values()} == {"right"}, [
            result.message for result in results.values()
        ]
        begun = set()
        for event in told:
            if isinstance(event, ModelStarted):
                assert event.model not in begun
                begun.add(event.model)
            elif isinstance(event, InModel | ModelPlanned):
                assert event.model in begun or not isinstance(event.event, StageFinished)
        assert begun == {"one", "other"}
        assert any(isinstance(event, InModel) and isinstance(event.event, StageFinished) for event in told)

    def test_the_same_again_comes_from_the_store(self, carried_out, task):
        first, _ = carried_out(task("one"))
        before = content(Path("out/one"))
        Path("out/one/model.float32.tflite").unlink()
        again, _ = carried_out(task("one"))
        assert (first["one"].kept, again["one"].kept) == (False, True)
        assert content(Path("out/one")) == before

    def test_a_file_that_a_model_names_is_there(self, carried_out, task):
        Path("net").mkdir()
        Path("net/weights.txt").write_text("3")
        Path("net/build.py").write_text(
            "import pathlib, torch\nfrom parts import layer\n\n\ndef net():\n"
            "    count = int((pathlib.Path(__file__).parent / 'weights.txt').read_text())\n"
            "    torch.manual_seed(0)\n    return layer(count)\n"
        )
        Path("net/parts.py").write_text(
            "from torch import nn\n\n\ndef layer(count):\n    return nn.Conv2d(3, count, 1)\n"
        )
        results, _ = carried_out(task("net", "net/build.py:net"))
        assert results["net"].state == "right", results["net"]
        assert results["net"].source == "net/build.py:net"
        inputs = json.loads(Path("out/net/report.json").read_text())["lock"]["inputs"]
        assert [*inputs] == ["net/build.py", "net/parts.py", "net/weights.txt"]

    def test_closing_ends_what_is_under_way_and_leaves_nothing_half(self, executor, task):
        Path("slow.py").write_text(SLOW)
        results = executor.results([task("one"), task("slow", "slow.py:build")], ignore)
        assert next(results).name == "one"
        started = time.monotonic()
        results.close()
        assert time.monotonic() - started < 60
        assert [path.name for path in Path("out").iterdir()] == ["one"]
