"""What a command prints, where, and its exit status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import fake_engine
import pytest
from fake_engine import RUNTIMES, STAGES, RefusalError

import pinlite
from pinlite import errors, toolchain
from pinlite.conversion import plan
from pinlite.engine import interpreter
from pinlite.options.commands import COMMANDS

ANSI = re.compile(r"\x1b\[")


def fail_with(monkeypatch, error):
    def choose(*_):
        raise error

    monkeypatch.setattr("pinlite.conversion.run.choose", choose)


def test_a_conversion_shows_its_figures_and_ends_with_zero(engine, convert):
    status, out, err = convert()
    assert status == 0
    assert engine.requests
    for shown in (
        "export",
        "model.float32.tflite",
        *RUNTIMES,
        "1.25 ms",
        "2.00 kB",
        "-> out",
    ):
        assert shown in out
    for stage in STAGES:
        assert re.search(rf"✓ {re.escape(stage)} +\d+\.\d s", err)
    assert not ANSI.search(out + err)


def test_json_is_all_there_is_on_standard_output(engine, convert):
    status, out, err = convert("--json")
    assert status == 0
    assert engine.requests
    assert json.loads(out)["schema"] == "pinlite.report/2"
    assert out == Path("out/report.json").read_text()
    assert "export" in err


def error_of(out):
    (found,) = json.loads(out).values()
    assert set(found) == {"code", "message", "hint", "status"}
    return found


def test_an_error_is_json_too_where_nothing_else_is(convert, monkeypatch):
    fail_with(monkeypatch, errors.ModelError("what \x1b happened", hint="what to do", stage="export"))
    status, out, err = convert("--json")
    wanted = {"code": "model", "message": "export: what \x1b happened", "hint": "what to do", "status": 3}
    assert (status, error_of(out)) == (3, wanted)
    assert "\x1b" not in out
    assert err == "error: export: what \\x1b happened\nhint: what to do\n"


def test_every_end_without_a_result_is_json(command, convert, monkeypatch):
    for arguments in (["nothing"], ["--nonsense"], ["net:build", "--input", "x=y"], ["net:build", "--config"]):
        status, out, err = command("convert", *arguments, "--json")
        found = error_of(out)
        assert (status, found["code"], found["status"]) == (2, "usage", 2)
        assert found["hint"]
        assert f"error: {found['message']}" in err
    for raised, code, ends in ((KeyboardInterrupt(), "interrupted", 130), (ZeroDivisionError("oh"), "bug", 1)):
        fail_with(monkeypatch, raised)
        status, out, _ = convert("--json")
        assert (status, error_of(out)["code"], error_of(out)["status"]) == (ends, code, ends)


JSON = {
    "doctor": {"can_convert", "findings"},
    "clean": {"removed"},
    "cache ls": {"folder", "size", "records"},
    "cache verify": {"records", "dropped"},
    "cache gc": {"records", "files", "size"},
    "cache clear": {"size"},
    "images list --engine venv": {"engine", "images"},
    "images rm --engine venv": {"removed"},
    "images gc --engine venv --dry-run": {"dry_run", "removed"},
    "toolchain show": {
        "name",
        "description",
        "images",
        "runtimes",
        "opsets",
        "lowerings",
        "target",
        "targets",
        "runtimes_to_add",
    },
}


@pytest.mark.parametrize("line", JSON)
def test_a_command_says_as_json_what_it_says_in_words(command, line):
    status, out, _ = command(*line.split(), "--json")
    assert status == 0
    assert set(json.loads(out)) == JSON[line]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_takes_json_for_its_errors_too(command, line):
    assert "--json" in command(*line.split(), "--help")[1]
    status, out, _ = command(*line.split(), "--json", "--no-such-option")
    assert status == 2
    assert json.loads(out)["error"]["status"] == 2


def test_what_is_written_is_said_as_json(command, model_file):
    status, out, _ = command("init", f"{model_file.name}:build", "--input", "image=1x3x4x4", "--json")
    assert status == 0
    asked = {"source": f"{model_file.name}:build", "input": ["image=1x3x4x4"]}
    assert json.loads(out) == {"written": "pinlite.toml", "settings": asked}
    assert json.loads(command("init", "--json")[1])["error"]["message"] == "pinlite.toml is there already"
    assert json.loads(command("example", "digits", "--json")[1]) == {"written": ["examples/digits"]}
    assert json.loads(command("example", "no", "--json")[1])["error"]["hint"].startswith("there are digits")


def test_toolchains_are_written_and_locked_as_json(command):
    status, out, _ = command("toolchain", "new", "mine.toml", "--json")
    assert status == 0
    assert json.loads(out)["written"] == "mine.toml"
    # It has no images of its own, so that there is nothing to lock.
    status, locked, _ = command("toolchain", "lock", "mine.toml", "--json")
    assert status == 0
    assert {"written": "mine.toml", **json.loads(locked)} == json.loads(out)
    for line in ("toolchain new mine.toml", "toolchain lock no.toml", "toolchain lock mine.toml --before then"):
        status, out, err = command(*line.split(), "--json")
        assert status == 2
        assert f"error: {json.loads(out)['error']['message']}" in err


@pytest.mark.parametrize("name", ["recipe", "report", "lock", "audit"])
def test_a_schema_is_json_as_it_is(command, name):
    assert command("schema", name, "--json") == command("schema", name)


def test_records_are_shown_as_json(engine, convert, command):
    assert convert()[0] == 0
    assert engine.requests
    key = json.loads(command("cache", "ls", "--json")[1])["records"][0]["key"]
    assert json.loads(command("cache", "show", key, "--json")[1]) == json.loads(command("cache", "show", key)[1])
    status, out, _ = command("cache", "show", "f" * 64, "--json")
    assert json.loads(out)["error"]["status"] == status == 2


def test_toolchains_are_listed_as_json(command):
    found = json.loads(command("toolchain", "list", "--json")[1])
    assert {each["name"] for each in found} == {*toolchain.names()}
    assert json.loads(command("toolchain", "show", "2022", "--json")[1]) in found


def test_records_are_explained_as_json(engine, convert, command):
    assert convert()[0] == 0
    assert convert("--seed", "1")[0] == 0
    assert engine.requests
    records = json.loads(command("cache", "ls", "--json")[1])["records"]
    key = next(each["key"] for each in records if each["name"].startswith("export"))
    found = json.loads(command("cache", "explain", key, "--json")[1])
    assert found["key"] == key
    assert found["other"] in {each["key"] for each in records}
    assert any("seed" in line for line in found["differences"])


def test_what_a_conversion_left_is_verified_inspected_and_run_as_json(engine, convert, command):
    assert convert()[0] == 0
    assert engine.requests
    assert json.loads(command("inspect", "out", "--json")[1]) == json.loads(Path("out/report.json").read_text())
    found = json.loads(command("verify", "out", "--json")[1])
    assert (found["trusted"], found["keys"]) == (False, [])
    assert found["files"] > 3
    status, out, _ = command("run", "out/model.float32.tflite", "--samples", "out/samples.npz", "--json")
    assert status == 0
    assert {"name", "shape", "dtype", "min", "mean", "max"} == set(json.loads(out)["outputs"][0])


def test_doctor_says_once_as_json_that_nothing_runs_the_stages(command, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setattr(interpreter, "find", lambda _: None)
    status, out, err = command("doctor", "--json")
    assert (status, json.loads(out)["can_convert"]) == (4, False)
    assert "error: nothing here can run the stages" in err


def test_quiet_says_the_result_alone(engine, convert, monkeypatch):
    status, out, err = convert("--quiet")
    assert (status, err) == (0, "")
    assert engine.requests
    assert "-> out" in out
    fail_with(monkeypatch, errors.ModelError("what happened", hint="what to do"))
    assert convert("--quiet", "--no-cache") == (3, "", "error: what happened\nhint: what to do\n")
    monkeypatch.undo()


def test_a_disagreement_shows_the_report_and_ends_with_seven(engine, convert):
    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], {name: array + 1 for name, array in arrays.items()})
        return result

    engine.programs["infer"] = infer
    status, out, err = convert()
    assert status == 7
    assert "differs in mean" in out
    assert f"error: {RUNTIMES[0]} differs from torch" in err
    assert "\nhint: " in err
    status, out, _ = convert("--json")
    assert status == 7
    assert json.loads(out)["ok"] is False


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.UsageError, 2),
        (errors.ModelError, 3),
        (errors.NoEngineError, 4),
        (errors.ImageError, 5),
        (errors.StageCrashError, 6),
        (errors.OutOfDiskError, 6),
        (errors.OutOfMemoryError, 6),
        (errors.StageTimeoutError, 6),
    ],
)
def test_an_error_has_its_status_and_its_hint(convert, monkeypatch, kind, status):
    fail_with(monkeypatch, kind("[bold]what[/] happened", hint="what to do: a[b]", stage="export"))
    assert convert() == (status, "", "error: export: [bold]what[/] happened\nhint: what to do: a[b]\n")


def test_every_error_of_the_tree_has_a_status_of_its_own_kind():
    def below(kind):
        return {kind, *(found for child in kind.__subclasses__() for found in below(child))}

    statuses = {kind.__name__: kind.exit_status for kind in below(errors.PinliteError)}
    assert statuses == {
        "PinliteError": 1,
        "UsageError": 2,
        "ModelError": 3,
        "WarnedError": 3,
        "NoEngineError": 4,
        "ImageError": 5,
        "StageCrashError": 6,
        "OutOfDiskError": 6,
        "OutOfMemoryError": 6,
        "StageTimeoutError": 6,
        "ParityError": 7,
        "ArenaError": 7,
        "RegressionError": 7,
        "ScoreError": 7,
        "WrongFileError": 7,
        "NotReproducibleError": 8,
        "TamperedError": 8,
        "DifferentError": 9,
        "RegistryError": 10,
        "BatchError": 11,
        "ClusterError": 12,
    }


def test_a_long_error_is_not_broken_into_lines(convert, monkeypatch):
    fail_with(monkeypatch, errors.ModelError("word " * 60 + "end", hint="path " * 60 + "end"))
    _, _, err = convert()
    assert err.count("\n") == 2


def test_a_refusal_of_a_stage_reaches_the_user(engine, convert):
    def refuse(_):
        raise RefusalError("model", "aten::grid_sampler can't be exported", "write it with a gather")

    engine.programs["export"] = refuse
    status, out, err = convert()
    assert (status, out) == (3, "")
    said, logs = err.split("note: the logs of the run are in ")
    assert said.endswith("error: export: aten::grid_sampler can't be exported\nhint: write it with a gather\n")
    assert Path(logs.strip()).is_relative_to(os.environ["PINLITE_CACHE"])
    assert Path(logs.strip()).is_dir()
    assert "✗ export" in err


def test_an_interrupt_ends_with_130_and_no_traceback(engine, convert):
    def interrupted(_):
        raise KeyboardInterrupt

    engine.programs["check"] = interrupted
    status, out, err = convert()
    assert (status, out) == (130, "")
    assert err.endswith("error: interrupted\n")
    assert "Traceback" not in err


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "hunter2hunter2")
    return "hunter2hunter2"


def test_a_bug_becomes_a_report_without_the_environment(engine, convert, secret):
    engine.programs["check"] = lambda _: {}["absent"]
    status, out, err = convert("--seed", "5")
    assert (status, out) == (1, "")
    assert "error: a bug in pinlite: KeyError: 'absent'" in err
    assert "Traceback" not in err
    report = Path(re.search(r"hint: .* (/\S+\.txt)\n", err)[1])
    assert report.is_relative_to(os.environ["PINLITE_CACHE"])
    text = report.read_text()
    for wanted in (f"pinlite {pinlite.__version__}", "Python 3.", "--seed 5", "Traceback", "KeyError: 'absent'"):
        assert wanted in text
    assert secret not in text
    assert os.environ["PATH"] not in text


def test_a_report_has_the_end_of_the_logs_and_no_secret(engine, convert, secret, monkeypatch):
    """The command is as it was typed, but for what the environment calls a secret and for passwords in addresses."""
    engine.says["check"] = "line 1\nthe last words\x1b[2J " + secret
    engine.programs["check"] = lambda _: {}["absent"]
    monkeypatch.setenv("SHORT_KEY", "1")
    _, _, err = convert("--seed", "15", "--out", f"https://user:word@there/{secret}")
    text = Path(re.search(r"hint: .* (/\S+\.txt)\n", err)[1]).read_text()
    assert "the end of onnx-1.8.0-check.log:\n  line 1\n  the last words" in text
    assert "--seed 15" in text
    assert "https://...@there/$MY_TOKEN" in text
    assert secret not in text


def test_verbose_shows_what_stages_print(engine, convert):
    engine.says["check"] = "said by check [b]\x1b[2J\nand the rest"
    _, quiet, silent = convert()
    assert "said by check" not in quiet + silent
    _, out, err = convert("--verbose", "--seed", "3")
    assert "\nonnx-1.8.0-check: said by check [b]\\x1b[2J\n" in err
    assert err.endswith("\nonnx-1.8.0-check: and the rest\n")
    assert "said by check" not in out
    assert re.search(r"^the logs are kept in /\S+/logs/[0-9a-f]{12}$", err, re.MULTILINE)


def test_a_bug_is_reported_where_the_cache_can_not_be_written(convert, monkeypatch, temporary):
    monkeypatch.setenv("PINLITE_CACHE", "/proc/pinlite")
    fail_with(monkeypatch, ValueError("odd"))
    status, _, err = convert()
    assert status == 1
    assert str(temporary) in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["convert"], "no source"),
        (["convert", "absent.onnx"], "absent.onnx"),
        (["convert", "a.b:c", "--nope"], "--nope"),
        (["convert", "a.b:c", "--seed", "x"], "--seed"),
        (["convert", "a.b:c", "--engine", "podman"], "--engine"),
        (["convert", "a.b:c", "--opset", "99"], "--opset"),
        (["convert", "a.b:c", "--tolerance", "nan"], "--tolerance"),
        (["convert", "a.b:c", "--config", "absent.toml"], "absent.toml"),
        (["run", "absent.tflite", "--samples", "x.npz"], "absent.tflite"),
        (["run", "absent.tflite"], "--samples"),
        (["inspect", "model.h5"], "model.h5"),
        (["inspect"], "MODEL"),
        (["nope"], "nope"),
    ],
)
def test_wrong_usage_ends_with_two_and_a_hint(engine, command, arguments, names):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert names in first
    assert second.startswith("hint: ")
    assert engine.requests == []


@pytest.mark.parametrize("arguments", [(), ("images",)])
def test_a_command_alone_shows_its_help(command, arguments):
    status, out, err = command(*arguments)
    assert (status, err) == (2, "")
    assert "Usage: pinlite" in out


def test_help_names_every_option_and_command(command):
    _, out, _ = command("--help")
    for name in ("convert", "run", "inspect", "doctor", "images", "--version", "--install-completion"):
        assert name in out
    status, out, _ = command("convert", "--help")
    assert status == 0
    for name in ("--weights", "--input", "--output-name", "--samples", "--seed", "--opset", "--lowering", "--with"):
        assert name in out
    for name in ("--variant", "--calibration", "--mean", "--std", "--integer-io", "--variant-tolerance"):
        assert name in out
    for name in ("--tolerance", "--engine", "--out", "--config", "--json", "--memory", "--timeout"):
        assert name in out


def test_the_options_reach_the_recipe_and_win_over_the_file(command, monkeypatch, model_file):
    recipes = []

    def prepare(recipe, _):
        recipes.append(recipe)
        raise errors.UsageError("enough", hint="enough")

    monkeypatch.setattr(plan, "prepare", prepare)
    Path("pinlite.toml").write_text('source = "model.py:build"\nseed = 1\nopset = 11\nwith = ["a==1"]\n')
    command("convert", "--config", "pinlite.toml", "--seed", "2", "--output-name", "x", "--output-name", "y")
    (recipe,) = recipes
    given = recipe.seed, recipe.opset, recipe.requirements.pinned, recipe.output_names
    assert given == (2, 11, ("a==1",), ("x", "y"))
    assert recipe.source.path == Path(model_file.name)


def test_run_shows_outputs_and_keeps_them(engine, command):
    Path("net.tflite").write_bytes(b"TFL3")
    fake_engine.write(Path("x.npz"), fake_engine.SAMPLES)
    status, out, _ = command("run", "net.tflite", "--samples", "x.npz", "--out", "y.npz")
    assert status == 0
    assert re.search(r"doubled +1x3x4x4 +float32 +0 +1 +2", out)
    assert Path("y.npz").exists()
    assert engine.running == []


def test_inspect_prints_the_model_in_words(engine, command):
    Path("net.onnx").write_bytes(b"onnx")
    status, out, err = command("inspect", "net.onnx")
    assert (status, out) == (0, "a model in words\n")
    assert "inspect" in err
    assert engine.requests[0].operation == "inspect"


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_python_dash_m_is_the_same_command():
    done = python("-m", "pinlite", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"pinlite {pinlite.__version__}\n", "")


def test_completion_knows_the_commands():
    done = python(*("-m", "pinlite"), _PINLITE_COMPLETE="complete_bash", COMP_WORDS="pinlite con", COMP_CWORD="1")
    assert (done.returncode, done.stdout) == (0, "convert\n")


def test_a_reader_that_has_gone_is_no_error():
    script = "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); from pinlite.cli.main import main; "
    done = python("-c", script + "sys.argv = ['pinlite', '--help']; sys.exit(main())")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "program",
    [
        "from pinlite.cli.main import main; sys.argv = ['pinlite', 'doctor']; sys.exit(main())",
        "import pinlite; pinlite.convert",
    ],
)
def test_on_another_system_one_line_says_so(program):
    elsewhere = "import sys; sys.modules['fcntl'] = sys.modules['resource'] = None; sys.platform = 'darwin'; "
    ended = subprocess.run([sys.executable, "-c", elsewhere + program], capture_output=True, text=True, check=False)
    assert "pinlite works on Linux alone, and this is darwin" in ended.stderr
    if "main" in program:
        assert ended.returncode == 4
        assert len(ended.stderr.splitlines()) == 2


def test_a_process_that_ends_looks_for_no_garbage():
    script = "import gc; from pinlite.cli.main import main; main(); raise SystemExit(gc.get_freeze_count() == 0)"
    subprocess.run([sys.executable, "-c", script, "--version"], check=True, capture_output=True)


def printed(*arguments, **options):
    """What a process of its own gives; ``encoding`` is that of its standard output."""
    encoding = options.pop("encoding", "utf-8")
    command = [sys.executable, "-m", "pinlite", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(command, stderr=subprocess.PIPE, env=environment, check=False, timeout=60, **options)


def test_a_full_disk_behind_standard_output_is_no_bug():
    with Path("/dev/full").open("wb") as full:
        done = printed("schema", "report", stdout=full)
    assert b"error: there is no room for what the command writes: No space left on device" in done.stderr
    assert b"a bug in pinlite" not in done.stderr


def test_a_name_whose_letters_standard_output_lacks_is_printed_with_escapes():
    done = printed("example", "resnet18", "--out", "été", stdout=subprocess.PIPE, encoding="ascii")
    assert (done.returncode, done.stdout) == (0, b"wrote \\xe9t\\xe9/resnet18.py\n")


def test_a_name_that_is_no_text_is_refused(command):
    status, _, err = command("inspect", os.fsdecode(b"net\xff.onnx"), "--json")
    assert status == 2
    assert "error: 'net\\udcff.onnx' is no UTF-8" in err


@pytest.mark.parametrize(
    "arguments", [["run", "net.onnx", "--samples"], ["convert", "net.onnx", "--samples"], ["audit"]]
)
def test_a_pipe_is_not_waited_for(command, arguments):
    Path("net.onnx").write_bytes(b"model")
    os.mkfifo("samples.npz")
    status, _, err = command(*arguments, "samples.npz")
    assert status == 2
    assert "samples.npz is no file" in err
