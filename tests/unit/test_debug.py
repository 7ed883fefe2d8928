"""debug: what is asked of which runtime, and what is refused."""

import json
import shutil
from pathlib import Path

import fake_engine
import numpy as np
import pytest

from pinlite import toolchain
from pinlite.conversion import pipeline
from pinlite.debugging import debug
from pinlite.errors import ModelError, UsageError
from pinlite.machine import folders
from pinlite.options import resolve
from pinlite.schema.debug import DebugReport


@pytest.fixture
def result(engine, model_file):
    """The folder of a conversion to three variants."""
    fake_engine.write(Path("given.npz"), {"image": np.linspace(0, 1, 96, dtype=np.float32).reshape(2, 1, 3, 4, 4)})
    given = {"source": f"{model_file}:build", "out": "out", "calibration": "given.npz"}
    pipeline.run(resolve(given | {"variant": ["float32", "float16", "int8"]}))
    engine.requests.clear()
    return Path("out")


def wrong(call):
    """The int8 file doubles too much."""
    names = fake_engine.trace(call)
    with np.load(call.outputs["values"]) as arrays:
        found = {name: array * (1 if name == "0" else 1.5) for name, array in arrays.items()}
    fake_engine.write(call.outputs["values"], found)
    return names


def test_each_runtime_is_asked_once(engine, result, temporary):
    report = debug.debug(result, "int8")
    asked = [request.id for request in engine.requests]
    assert asked == ["trace-onnxruntime", "trace-tensorflow", "trace-tflite", "trace-tflite-int8"]
    assert report.variant == "int8"
    assert report.torch == {"doubled": 0.0, "mean": 0.0}
    assert {name for layer in report.layers for name in layer.errors} == {"tensorflow", "float32", "int8"}
    assert engine.running == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("target", "image"), [("tflite-2.4", "tensorflow-2.4.1"), ("litert-2", "litert-2.3.0")])
def test_files_run_where_all_is_that_their_target_has(engine, model_file, target, image):
    pipeline.run(resolve({"source": f"{model_file}:build", "out": "out", "target": target}))
    engine.jobs.clear()
    debug.debug(Path("out"), "float32")
    assert {job.image.name for job in engine.jobs} == {"onnx-1.8.0", "tensorflow-2.4.1", image}


@pytest.fixture
def recipe(model_file):
    return resolve({"source": f"{model_file}:build", "weights": None, "input": ["other=1x2"], "seed": 5})


def test_modules_of_the_source_are_compared_on_the_samples_of_the_conversion(engine, result, recipe, temporary):
    def off(call):
        """The module "double" is wrong by a tenth."""
        found = fake_engine.trace_torch(call)
        with np.load(call.inputs["samples"]) as arrays:
            doubled, mean = arrays["image"] * 2.2, arrays["image"].mean(keepdims=True) * 2
        fake_engine.write(call.outputs["values"], {"0": doubled, "1": mean})
        return found

    engine.programs["trace-torch"] = off
    report = debug.debug(result, "int8", recipe=recipe)
    torch, onnx, *_ = engine.requests
    assert (torch.id, onnx.id) == ("trace-torch", "trace-onnxruntime")
    assert torch.parameters["inputs"] == []
    assert (torch.parameters["seed"], torch.parameters["opset"]) == (0, 12)
    assert {"source", "samples"} <= torch.inputs.keys()
    assert "marked" in onnx.inputs
    found = {layer.name: layer for layer in report.layers}
    assert (found["Mul_0"].module, found["Mean_1"].module, found["image"].module) == ("double", "", None)
    assert found["Mul_0"].errors["torch"] == pytest.approx(0.1)
    assert found["Mean_1"].errors["torch"] == 0
    assert "torch" not in found["image"].errors
    assert report.torch_left_out == ""
    assert engine.running == []
    assert list(temporary.iterdir()) == []


def test_where_torch_is_left_out_it_is_said(result, command):
    assert "SOURCE" in debug.debug(result, "int8").torch_left_out
    written = json.loads((result / "report.json").read_text())
    written["hops"] = [hop for hop in written["hops"] if hop["from"] != "torch"]
    (result / "report.json").write_text(json.dumps(written))
    assert "ONNX file" in debug.debug(result, "int8").torch_left_out
    assert "torch's modules are left out: the conversion began with an ONNX file" in command("debug", str(result))[1]


def test_a_source_without_modules_is_refused(engine, result):
    Path("net.onnx").write_bytes(b"model")
    with pytest.raises(UsageError, match=r"net\.onnx is no PyTorch model") as caught:
        debug.debug(result, recipe=resolve({"source": "net.onnx"}))
    assert "leave it out: pinlite debug out" in str(caught.value.hint)
    assert engine.requests == []


def test_a_number_that_no_module_has_is_none_of_them(engine, result, recipe):
    def lies(call):
        return fake_engine.trace_onnxruntime(call) | {
            "marks": {"doubled": "pinlite_module_9", "no": "pinlite_module_0"}
        }

    engine.programs["trace-onnxruntime"] = lies
    assert {layer.module for layer in debug.debug(result, "int8", recipe=recipe).layers} == {None}


def test_the_source_weights_and_packages_are_options(engine, result, model_file, command):
    Path("weights.pt").write_bytes(b"weights")
    status, shown, _ = command("debug", str(result), f"{model_file}:build", "--weights", "weights.pt")
    assert status == 0
    assert "weights" in engine.requests[0].inputs
    assert "double" in shown
    assert "left out" not in shown
    status, _, said = command("debug", str(result), "--weights", "weights.pt")
    assert status == 2
    assert "no source is given" in said


def test_the_wrong_layer_is_first(engine, result):
    engine.programs["trace-tflite-int8"] = wrong
    first, *others = debug.debug(result, "int8").layers
    assert (first.name, first.added) == ("Mul_0", pytest.approx(0.5))
    assert first.errors == {"tensorflow": 0, "float32": 0, "int8": pytest.approx(0.5)}
    assert [layer.added for layer in others] == pytest.approx([0, 0], abs=1e-6)


def test_the_variant_that_differs_the_most_is_taken(result):
    written = json.loads((result / "report.json").read_text())
    for variant, difference in zip(written["variants"], (0.0, 0.5, 0.25), strict=True):
        variant["parity"] = dict.fromkeys(variant["parity"], difference)
    (result / "report.json").write_text(json.dumps(written))
    assert debug.debug(result).variant == "float16"
    written["variants"][2]["parity"][fake_engine.RUNTIMES[-1]] = None
    (result / "report.json").write_text(json.dumps(written))
    assert debug.debug(result).variant == "int8"


def test_tables_and_json(engine, result, command):
    engine.programs["trace-tflite-int8"] = wrong
    status, shown, _ = command("debug", str(result), "--variant", "int8", "--top", "1")
    assert status == 0
    assert "Mul_0" in shown
    assert "+50" in shown
    assert "Mean_1" not in shown
    assert "torch and onnxruntime differ by 0 % at most in doubled" in shown
    status, told, _ = command("debug", str(result), "--variant", "int8", "--json")
    assert status == 0
    assert json.loads(told)["layers"][0]["name"] == "Mul_0"


@pytest.mark.parametrize("content", [None, "", "{}", '{"schema": "other"}'])
def test_a_folder_that_is_no_result_is_refused(engine, content):
    Path("strange").mkdir()
    if content is not None:
        Path("strange/report.json").write_text(content)
    with pytest.raises(UsageError, match="strange is not the output folder") as raised:
        debug.debug(Path("strange"))
    assert raised.value.hint
    assert engine.requests == []


def test_a_variant_that_is_not_there_is_refused(engine, result):
    with pytest.raises(UsageError, match="has no variant int16x8, only float32, float16, int8") as raised:
        debug.debug(result, "int16x8")
    assert "--variant int16x8" in raised.value.hint
    assert engine.requests == []


def test_a_result_without_an_onnx_model_is_refused(engine, result):
    (result / "model.onnx").unlink()
    with pytest.raises(UsageError, match="no ONNX model"):
        debug.debug(result)
    assert engine.requests == []


def test_the_stock_lowering_is_refused(engine, result):
    written = json.loads((result / "report.json").read_text())
    (result / "report.json").write_text(json.dumps(written | {"lowering": "stock"}))
    with pytest.raises(UsageError, match="--lowering stock"):
        debug.debug(result)
    assert engine.requests == []


def with_options(result, **options):
    written = json.loads((result / "report.json").read_text())
    written["lock"]["options"] |= options
    (result / "report.json").write_text(json.dumps(written))


def test_the_toolchain_is_that_of_the_conversion(engine, result, monkeypatch):
    pins = Path("pins", "onnx-1.8.0")
    shutil.copytree(folders.IMAGES / pins, pins)
    with (pins / "requirements.lock").open("a") as lock:
        lock.write("# ours\n")
    shutil.copy(toolchain.load().file, "mine.toml")
    with_options(result, toolchain="mine.toml")
    ensure, asked = engine.ensure, {}

    def ensuring(recipes, observe):
        found = ensure(list(recipes), observe)
        asked.update({name: image.identity for name, image in found.items()})
        return found

    monkeypatch.setattr(engine, "ensure", ensuring)
    debug.debug(result)
    mine, classic = (toolchain.load(name).images["onnx"].identity("fake") for name in ("mine.toml", "classic"))
    assert (asked["onnx-1.8.0"] == mine, mine == classic) == (True, False)


@pytest.mark.parametrize("name", [5, ["classic"], "classical"])
def test_a_report_of_a_toolchain_that_is_none_is_refused(engine, result, name):
    with_options(result, toolchain=name)
    with pytest.raises(UsageError, match="there is no toolchain "):
        debug.debug(result)
    assert engine.requests == []


def test_a_stage_that_refuses_ends_it(engine, result):
    def refuse(_):
        raise fake_engine.RefusalError("model", "no", "do otherwise")

    engine.programs["trace-tensorflow"] = refuse
    with pytest.raises(ModelError) as raised:
        debug.debug(result)
    assert raised.value.stage == "trace-tensorflow"
    assert engine.running == []


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/b", "..", ""])
def test_a_report_that_names_files_of_other_folders_is_refused(engine, result, path):
    report = json.loads((result / "report.json").read_text())
    report["variants"][0]["path"] = path
    (result / "report.json").write_text(json.dumps(report))
    with pytest.raises(UsageError, match="names files of other folders"):
        debug.debug(result)
    assert engine.requests == []


def test_a_result_with_a_link_that_leads_out_is_refused(engine, result):
    (result / "model.onnx").unlink()
    (result / "model.onnx").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="leads out"):
        debug.debug(result)
    assert engine.requests == []


def test_the_table_of_all_layers_is_kept_in_the_result(engine, result, command):
    engine.programs["trace"] = wrong
    status, out, _ = command("debug", str(result), "--variant", "int8", "--top", "1")
    assert (status, out.splitlines()[-1]) == (0, "all 3 layers: out/debug.int8.txt")
    kept = (result / "debug.int8.txt").read_text().splitlines()
    found = debug.debug(result, "int8").layers
    assert [line.split()[0] for line in kept[-3:]] == [layer.name for layer in found]
    assert kept[-3].split() in [line.split() for line in out.splitlines()]
    assert DebugReport.model_validate_json((result / "debug.int8.json").read_bytes()).layers == found
    assert command("verify", "out")[0] == 0
    # Another conversion of the source may take the place of all of it.
    source = f"{Path('model.py').absolute()}:build"
    assert command("convert", source, "--input", "image=1x3x4x4", "--out", "out")[0] == 0
    assert not (result / "debug.int8.txt").exists()
