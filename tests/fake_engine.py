"""An engine whose workers are Python functions in this process, for tests of everything above an engine.

`Fake.programs` maps a stage's name to its program; a test replaces the one whose behaviour it is about.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pinlite import toolchain
from pinlite.contract import Failure, Ready, Request, Response
from pinlite.engine import Image, Job, Leftover
from pinlite.events import Observer
from pinlite.stages import infer as inference
from pinlite.stages import measure as measuring
from pinlite.stages import timing
from pinlite.toolchain import ImageRecipe

# The default toolchain's runtimes and their stages, in its order, and the one that has TensorFlow's operators, too.
ROWS = toolchain.load().runtimes
RUNTIMES = tuple(row.name for row in ROWS)
INFER = tuple(inference.stage(row).name for row in ROWS)
SELECT_TF = next(row.name for row in ROWS if row.select_tf)
INFER_SELECT_TF = INFER[RUNTIMES.index(SELECT_TF)]
TIMED = tuple(timing.stage(row).name for row in ROWS if timing.runs(row, "float32"))
TIME_SELECT_TF = timing.stage(ROWS[RUNTIMES.index(SELECT_TF)]).name
# What a PyTorch model goes through, in the order of the report.
STAGES = ("export", "check", "translate", "run-onnxruntime", "run-tensorflow", "convert", *INFER, *TIMED)

VERSIONS = {"python": "3.8.18"} | {row.package: row.version for row in ROWS}
SAMPLES = {"image": np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)}
PROFILES = {f"{profile}/image": SAMPLES["image"] * factor for profile, factor in (("zeros", 0), ("large", -1000))}


class RefusalError(Exception):
    """What a program raises to answer with an error."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.failure = Failure.model_validate({"kind": kind, "message": message, "hint": hint})


@dataclass(frozen=True)
class Call:
    """A request as a stage program sees it: files by role, as paths."""

    parameters: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]


Program = Callable[[Call], dict[str, Any]]


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    np.savez(path, **arrays)


def computed(samples: Path) -> dict[str, np.ndarray]:
    """What the model of these tests computes, in every runtime: its input doubled, and its input's mean."""
    with np.load(samples) as arrays:
        return _of(arrays["image"])


def profiled(profiles: Path) -> dict[str, np.ndarray]:
    """The same of profiles."""
    with np.load(profiles) as arrays:
        found = {name.partition("/")[0]: _of(image) for name, image in arrays.items()}
    return {f"{profile}/{name}": array for profile, made in found.items() for name, array in made.items()}


def _of(image: np.ndarray) -> dict[str, np.ndarray]:
    return {"doubled": image * 2, "mean": image.mean(keepdims=True)}


def _named(**more: Any) -> dict[str, Any]:
    def entry(name: str, shape: list[int]) -> dict[str, Any]:
        found = {key: name + value if isinstance(value, str) else value for key, value in more.items()}
        return {"name": name, "shape": shape, "dtype": "float32"} | found

    return {
        "inputs": [entry("image", [1, 3, 4, 4])],
        "outputs": [entry("doubled", [1, 3, 4, 4]), entry("mean", [1, 1, 1, 1])],
    }


def _samples(call: Call) -> None:
    given = call.inputs.get("samples")
    if given:
        call.outputs["samples"].write_bytes(given.read_bytes())
    else:
        write(call.outputs["samples"], SAMPLES)
    if "profiles" in call.outputs:
        write(call.outputs["profiles"], PROFILES)


def _compute(call: Call) -> None:
    if "outputs" in call.outputs:
        write(call.outputs["outputs"], computed(call.outputs.get("samples") or call.inputs["samples"]))
    if "profiled" in call.outputs:
        write(call.outputs["profiled"], profiled(call.outputs.get("profiles") or call.inputs["profiles"]))
    if "evaluation" in call.inputs:
        _evaluate(call)


def _evaluate(call: Call) -> None:
    with np.load(call.inputs["evaluation"]) as arrays:
        image = arrays["image"]
    write(call.outputs["evaluated"], {"doubled": image * 2, "mean": image.mean((1, 2, 3, 4))})


def _wider(samples: Mapping[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    return {name: np.repeat(array, batch, axis=0) for name, array in samples.items()}


def export(call: Call) -> dict[str, Any]:
    _samples(call)
    _compute(call)
    call.outputs["model"].write_bytes(b"an ONNX model")
    for batch in call.parameters["batches"]:
        write(call.outputs[f"samples.{batch}"], _wider(SAMPLES, batch))
        write(call.outputs[f"outputs.{batch}"], computed(call.outputs[f"samples.{batch}"]))
        call.outputs[f"model.{batch}"].write_bytes(b"an ONNX model of %d" % batch)
    return _named()


def check(call: Call) -> dict[str, Any]:
    _samples(call)
    if "batch" in call.parameters:
        write(call.outputs["samples"], _wider(SAMPLES, call.parameters["batch"]))
    call.outputs["simplified"].write_bytes(b"simplified " + call.inputs["model"].read_bytes())
    return _named() | {"opset": 12, "operators": {"Mul": 1, "ReduceMean": 1}}


def compute(call: Call) -> dict[str, Any]:
    _compute(call)
    if "graph" in call.outputs:
        call.outputs["graph"].write_text("graph main { Mul ReduceMean }\n")
    for role in call.inputs:
        if role.startswith("samples."):
            write(call.outputs[role.replace("samples", "outputs")], computed(call.inputs[role]))
    return {}


def translate(call: Call) -> dict[str, Any]:
    folder = call.outputs["saved_model"]
    (folder / "variables").mkdir(parents=True)
    models = [path for role, path in call.inputs.items() if role.startswith(("model", "simplified"))]
    (folder / "saved_model.pb").write_bytes(b", ".join(path.read_bytes() for path in models))
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return _named(key="_key")


def adopt(call: Call) -> dict[str, Any]:
    _samples(call)
    _compute(call)
    return _named(key="_key")


def convert(call: Call) -> dict[str, Any]:
    call.outputs["model"].write_bytes(
        f"\0\0\0\0TFL3 {call.parameters['variant']} {call.parameters['ops']}".encode().ljust(2004, b"\0")
    )
    image = {"name": "image", "type": "float32", "shape": [1, 3, 4, 4]}
    doubled = {"kind": "MUL", "inputs": [image], "outputs": [image | {"name": "Mul_0/mul"}], "macs": 0}
    call.outputs["operators"].write_text(json.dumps({"operators": [doubled]}))
    quantization = {"tensors": 0, "per_channel": 0, "float_operators": {"MUL": 2, "MEAN": 1}}
    made = {"select_tf": [], "quantization": quantization, "macs": 1_250_000, "parameters": 2_000}
    return _named(tensor=":0", scale=None, zero_point=None) | made


def calibrate(call: Call) -> dict[str, Any]:
    write(call.outputs["samples"], {"image": np.linspace(0, 1, 96, dtype=np.float32).reshape(2, 1, 3, 4, 4)})
    return {"preparation": ""}


def gather(call: Call) -> dict[str, Any]:
    """Three images of nothing but one bright number, whose place is the label."""
    images = np.zeros((3, 1, 3, 4, 4), np.float32)
    labels = np.array([3, 40, 7])
    images.reshape(3, -1)[range(3), labels] = 1
    write(call.outputs["samples"], {"image": images})
    write(call.outputs["labels"], {"labels": labels})
    return {}


def evaluate(call: Call) -> dict[str, Any]:
    _evaluate(call)
    return {}


def metric(call: Call) -> dict[str, Any]:
    count = len(call.parameters["metrics"])
    return {"scores": [[at + 0.5] * count for at in range(call.parameters["outputs"])]}


def infer(call: Call) -> dict[str, Any]:
    _compute(call)
    return {"outputs": _named()["outputs"], "ops": {"MUL": 2, "MEAN": 1}}


def time(call: Call) -> dict[str, Any]:
    threads, most = call.parameters["threads"], call.parameters["most"]
    return {"latency_ms": {"median": 1.25, "min": 1.125, "threads": threads, "runs": most}}


def arena(call: Call) -> dict[str, Any]:
    """Of int8 a fourth of what other files need."""
    call.outputs["source"].mkdir()
    (call.outputs["source"] / "model_data.cc").write_bytes(b"an array of " + call.inputs["model"].read_bytes())
    much = 1 if "int8" in call.outputs["source"].name else 4
    peak = {"operator": "MUL", "number": 1, "tensors": [{"name": "doubled", "size": 48_000 * much}]}
    parts = {"tensors": 48_000 * much, "kernels": 1000, "structures": 2000}
    sums = {"least": sum(parts.values()), "estimate_32_bit": sum(parts.values()) - 800}
    return {**parts, **sums, "peak": peak, "operators": ["AddMean", "AddMul"]}


def compile_file(call: Call) -> dict[str, Any]:
    """Of two operators one stays on the processor."""
    call.outputs["compiled"].write_bytes(b"compiled " + call.inputs["model"].read_bytes())
    off = [{"number": 1, "operator": "MEAN", "tensor": "mean", "reason": "no kernel for it (mean); give it another"}]
    said = {"compiler": "a-compiler 1.2", "system": "A_System", "memory_mode": "All_Of_It", "on": 1, "off": off}
    memory = {"sram": 2048, "dram": 0, "on_chip_flash": 0, "off_chip_flash": 4096}
    return {**said, **memory, "macs": 200, "macs_on": 150, "milliseconds": 0.5, "warnings": ["it is slow"]}


def measure(size: int) -> Program:
    return lambda _: {"package": "a-runtime", "version": "1.2", "libraries": 2, "size": size}


def run(call: Call) -> dict[str, Any]:
    _compute(call)
    return {"outputs": _named()["outputs"]}


def trace_onnxruntime(call: Call) -> dict[str, Any]:
    """The mean is of what is doubled, so that there are two layers, one after the other."""
    with np.load(call.inputs["samples"]) as arrays:
        image = arrays["image"]
    write(call.outputs["values"], {"image": image, "doubled": image * 2, "mean": image.mean(keepdims=True) * 2})
    marks = {"doubled": "pinlite_module_0", "mean": "pinlite_module_1"} if "marked" in call.inputs else {}
    nodes = [("image", "Input", [], "image"), ("Mul_0", "Mul", ["image"], "doubled")]
    nodes += [("Mean_1", "ReduceMean", ["doubled"], "mean")]
    nodes = [{"name": n, "operator": o, "inputs": i, "outputs": [v]} for n, o, i, v in nodes]
    return {"nodes": nodes, "marks": marks}


def trace_torch(call: Call) -> dict[str, Any]:
    with np.load(call.inputs["samples"]) as arrays:
        image = arrays["image"]
    write(call.outputs["values"], {"0": image * 2, "1": image.mean(keepdims=True) * 2})
    call.outputs["model"].write_bytes(b"a marked ONNX model")
    return {"modules": ["double", ""]}


def trace(call: Call) -> dict[str, Any]:
    """With the channels last, as TensorFlow has them."""
    with np.load(call.inputs["samples"]) as arrays:
        image = arrays["image"]
    write(
        call.outputs["values"],
        {"0": image, "1": np.moveaxis(image, 1, -1) * 2, "2": image.mean(keepdims=True) * 2},
    )
    return {"names": ["image", "Mul_0/mul", "mean"]}


def audit(_: Call) -> dict[str, Any]:
    """A file with an integer operator that is exact, and one that is a step off, which is allowed."""
    counted = {"version": 1, "options": "", "count": 1}
    off = {"where": "LOGISTIC 1", "tensor": "y", "type": "int16", "steps": 1, "allowed": 4, "share": 0.25}
    return {
        "findings": [],
        "counts": {},
        "wrong": 0,
        "operators": [counted | {"kind": "GELU", "type": "int8"}, counted | {"kind": "LOGISTIC", "type": "int16"}],
        "computed": {"checked": {"GELU": 1, "LOGISTIC": 1}, "unchecked": {}, "floats": {}, "off": [off]},
        "not_run": "",
    }


def diff(_: Call) -> dict[str, Any]:
    """Two files that differ in an option and in a tensor's values."""
    step = {"scale": 0.5, "zero_point": 1}
    option = {
        "kind": "options",
        "where": "MUL 0",
        "what": "fused_activation_function",
        "ours": "NONE",
        "theirs": "RELU",
    }
    related = {"relation": "within a step", "values": 48, "differing": 3, "largest": 0.5, "magnitude": 64.0, "axes": []}
    weights = {"kind": "weights", "where": "MUL 0 input 1", "what": "", "ours": "", "theirs": "", "tensor": "two"}
    return {
        "distance": 0.25,
        "operators": {"total": 2, "differing": 1},
        "tensors": {"total": 4, "differing": 0},
        "names": {"total": 4, "differing": 1},
        "weights": {"equal": 1, "within a step": 1},
        "counts": {"options": 1, "weights": 1, "names": 1},
        "differences": [option | {"tensor": "", "weights": None}, weights | {"weights": related}],
        "feeds": {
            "inputs": [{"name": "image", "tensor": "picture", "ours": None, "theirs": None}],
            "outputs": [
                {"name": "doubled", "tensor": "twice", "ours": None, "theirs": None},
                {"name": "mean", "tensor": "average", "ours": step, "theirs": step},
            ],
        },
    }


def inspect(call: Call) -> dict[str, Any]:
    if "text" in call.outputs:
        call.outputs["text"].write_text("a model in words\n")
    else:
        call.outputs["contents"].write_text(json.dumps(contents()))
    return {}


def contents(copies: int = 1) -> dict[str, Any]:
    """Of a .tflite file with a convolution, and as many GELUs as there are to be, then an operator of its own."""
    tensor = {"shape": [1, 8, 8, 4], "open": [0], "size": 256, "type": "int8", "constant": False, "variable": False}
    step = {"scale": 0.02, "zero_point": 3, "channels": 1}
    kernel = tensor | {"name": "kernel", "shape": [4, 1, 1, 4], "open": [], "size": 16, "constant": True}
    cost = {"version": 1, "macs": 0, "parameters": 0, "weights": 0, "memory": 512, "alive": 512}
    convolution = {"kind": "CONV_2D", "version": 3, "inputs": [0, 1, -1], "macs": 1024, "parameters": 16, "weights": 16}
    chain = [
        {"kind": "CUSTOM Mine" if at == copies else "GELU", "inputs": [2 + at], "outputs": [3 + at]}
        for at in range(copies + 1)
    ]
    names = ["x", "kernel", "conv", *(f"gelu_{at}" for at in range(copies)), "y"]
    return {
        "version": 3,
        "description": "made by hand",
        "metadata": [{"name": "min_runtime_version", "size": 16}],
        "signatures": [
            {
                "key": "serving_default",
                "graph": 0,
                "inputs": [{"name": "image", "tensor": 0}],
                "outputs": [{"name": "y", "tensor": len(names) - 1}],
            }
        ],
        "graphs": [
            {
                "name": "main",
                "inputs": [0],
                "outputs": [len(names) - 1],
                "tensors": [kernel if name == "kernel" else tensor | step | {"name": name} for name in names],
                "operators": [cost | {"outputs": [2]} | convolution, *(cost | each for each in chain)],
            }
        ],
        "parameters": 16,
        "weights": 16,
    }


class FakeWorker:
    def __init__(self, engine: "FakeEngine", job: Job) -> None:
        self.job = job
        self._engine = engine
        for folder in (job.inputs, job.outputs):
            folder.mkdir(parents=True)
        engine.running.append(self)

    def ready(self) -> Ready:
        return Ready(contract=1, versions=VERSIONS)

    def request(self, request: Request) -> Response:
        self._engine.requests.append(request)
        call = Call(
            request.parameters,
            {role: self.job.inputs / path for role, path in request.inputs.items()},
            {role: self.job.outputs / path for role, path in request.outputs.items()},
        )
        for path in call.outputs.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        answer: dict[str, Any]
        if request.id in self._engine.says:
            self.job.log.write_text(self._engine.says[request.id])
        try:
            answer = {"result": self._engine.program(request.id)(call)}
        except RefusalError as refusal:
            answer = {"error": refusal.failure}
        return Response(id=request.id, seconds=0.25, peak_memory=123_000_000, **answer)

    def stop(self) -> None:
        """As an engine's, from any thread: the end of a run meets one that releases the worker already."""
        with self._engine.stopping, contextlib.suppress(ValueError):
            self._engine.running.remove(self)

    def release(self) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class FakeEngine:
    """``running`` are the workers that nobody has stopped; ``requests`` is all that was asked, in order; ``says`` is
    what stages print, by name.
    """

    name = "fake"
    isolates = True
    shares_disk = True
    carrier = None

    def __init__(self) -> None:
        self.running: list[FakeWorker] = []
        self.stopping = threading.Lock()
        self.jobs: list[Job] = []
        self.requests: list[Request] = []
        self.left: list[Leftover] = []
        self.says: dict[str, str] = {}
        self.programs: dict[str, Program] = {
            "export": export,
            "check": check,
            "translate": translate,
            "adopt": adopt,
            "calibrate": calibrate,
            "convert": convert,
            "gather": gather,
            "evaluate": evaluate,
            "metric": metric,
            "infer": infer,
            "arena": arena,
            "compile": compile_file,
            "time": time,
            "run-onnxruntime": compute,
            "run-tensorflow": compute,
            **{measuring.action(row).stage.name: measure(300_000_000 if row.select_tf else 5_000_000) for row in ROWS},
            "run": run,
            "inspect": inspect,
            "diff": diff,
            "audit": audit,
            "trace-torch": trace_torch,
            "trace-onnxruntime": trace_onnxruntime,
            "trace-tensorflow": trace,
            "trace-tflite": trace,
        }

    @property
    def asked(self) -> dict[str, Request]:
        """The requests by the names of their stages, of which some run beside one another: in the order of `STAGES`,
        those for a variant or another batch size behind the plain ones, and others at the end.
        """

        def place(request: Request) -> tuple[int, int, str]:
            found = max((name for name in STAGES if f"{request.id}-".startswith(f"{name}-")), key=len, default="")
            return len(request.id) - len(found), STAGES.index(found) if found else len(STAGES), request.id

        return {request.id: request for request in sorted(self.requests, key=place)}

    def program(self, stage: str) -> Program:
        """What runs a stage: behind a program's name there may be a runtime's, a variant's, or another batch size."""
        return self.programs[max((name for name in self.programs if f"{stage}-".startswith(f"{name}-")), key=len)]

    def version(self) -> str:
        return "fake 1"

    def find(self, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        return {r.name: Image(r.name, r.identity("fake"), f"fake/{r.name}", f"sha256:{r.name}") for r in recipes}

    def ensure(self, recipes: Iterable[ImageRecipe], observe: Observer) -> dict[str, Image]:
        del observe  # nothing is ever built
        return self.find(recipes)

    def images(self) -> list[Image]:
        return []

    def remove_image(self, image: Image) -> None:
        raise AssertionError(f"nobody should remove {image}")

    def start(self, job: Job) -> FakeWorker:
        self.jobs.append(job)
        return FakeWorker(self, job)

    def leftovers(self) -> list[Leftover]:
        return list(self.left)

    def remove(self, leftover: Leftover) -> None:
        self.left.remove(leftover)
