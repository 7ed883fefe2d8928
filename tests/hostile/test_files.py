"""A stranger's .onnx, SavedModel or .tflite costs at most its own worker, which ends in words."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import CASES, Command
from protobuf import BOOL, INT64, attribute, field, graph, model, node, of, tensor, value

from pinlite import options, toolchain
from pinlite.auditing import inspection
from pinlite.errors import PinliteError, UsageError
from pinlite.events import ignore
from pinlite.runner.execute import execute
from pinlite.stages import infer
from pinlite.stages.stage import Action, Stage, hashed

OUTSIDE = "../../../../../../etc/passwd"
HUGE = 2**40
STEERING, MARKUP = "\x1b[2J\x07", "</script>\n\x9b2J"


def nested(depth):
    """An If in an If in an If."""
    body = graph([node("Identity", ["x"], ["y"])], outputs=[value("y")])
    for _ in range(depth):
        branches = [attribute(name, g=body) for name in ("then_branch", "else_branch")]
        body = graph([node("If", ["c"], ["y"], *branches)], outputs=[value("y")])
        if len(body) > 2**17:
            break
    return body


ENDLESS = of(
    node("Constant", [], ["n"], attribute("value", t=tensor("n", (), (2**62).to_bytes(8, "little"), INT64))),
    node("Constant", [], ["c"], attribute("value", t=tensor("c", (), b"\1", BOOL))),
    node(
        *("Loop", ["n", "c", "x"], ["y"]),
        attribute(
            "body",
            g=graph(
                [node("Identity", ["on"], ["on_"]), node("Identity", ["v"], ["v_"])],
                [value("i", (), INT64), value("on", (), BOOL), value("v")],
                [value("on_", (), BOOL), value("v_")],
            ),
        ),
    ),
)

# Each with the statuses that asking for words, for outputs and for a check may end with.
ONNX = {
    "empty": (b"", {2}),
    "garbage": (b"\x08garbage" * 99, {2}),
    "cut": (of(node("Relu", ["x"], ["y"]))[:-7], {2}),
    "length-of-terabytes": (b"\x3a\xff\xff\xff\xff\xff\x7f", {2}),
    "no-end-of-a-number": (b"\x08" + b"\xff" * 999, {2}),
    "deep-groups": (b"\x3b" * 9999, {2}),
    "external-initializer": (
        of(node("Add", ["x", "w"], ["y"]), initializers=[tensor("w", (4,), external=OUTSIDE)]),
        {2},
    ),
    "external-constant": (
        of(
            node("Constant", [], ["w"], attribute("value", t=tensor("w", (4,), external=OUTSIDE))),
            node("Add", ["x", "w"], ["y"]),
        ),
        {2},
    ),
    "external-in-a-branch": (
        of(
            node("Cast", ["x"], ["c"], attribute("to", i=9)),
            node(
                *("If", ["c"], ["y"]),
                *(
                    attribute(
                        name,
                        g=graph(
                            [node("Constant", [], ["w"], attribute("value", t=tensor("w", (4,), external=OUTSIDE)))],
                            outputs=[value("w", (4,))],
                        ),
                    )
                    for name in ("then_branch", "else_branch")
                ),
            ),
        ),
        {2},
    ),
    "enormous-input": (of(node("Relu", ["x"], ["y"]), inputs=[value("x", (HUGE, HUGE))]), {2, 3}),
    "enormous-initializer": (
        of(node("Add", ["x", "w"], ["y"]), initializers=[tensor("w", (HUGE,), b"\0" * 4)]),
        {3},
    ),
    "enormous-constant": (
        of(
            node("Constant", [], ["s"], attribute("value", t=tensor("s", (1,), HUGE.to_bytes(8, "little"), 7))),
            node("ConstantOfShape", ["s"], ["w"]),
            node("Add", ["x", "w"], ["y"]),
        ),
        {3},
    ),
    "negative-sizes": (of(node("Relu", ["x"], ["y"]), inputs=[value("x", (-1, -(2**63)))]), {0, 2}),
    "unknown-type": (of(node("Relu", ["x"], ["y"]), inputs=[value("x", (1, 4), 999)]), {3}),
    "cycle": (of(node("Relu", ["b"], ["a"]), node("Add", ["a", "x"], ["b"]), node("Relu", ["b"], ["y"])), {3}),
    "made-twice": (of(node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])), {0, 3}),
    "reads-nothing": (of(node("Relu", ["nowhere"], ["y"])), {3}),
    "deep-branches": (model(nested(30)), {3}),
    "names-that-steer": (
        of(node("Relu", [STEERING], [MARKUP]), inputs=[value(STEERING)], outputs=[value(MARKUP)]),
        {0, 2, 3},
    ),
    "a-million-nodes": (of(*[node("Relu", ["x"], ["y"])] * 10**5), {0, 3, 6}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of an honest conversion."""
    here = tmp_path_factory.mktemp("honest")
    arguments = (f"{CASES}/tiny.py:network", "--input", "image=1x3x16x16", "--engine", "docker")
    Command(here).succeeds("convert", *arguments, "--out", here / "out")
    return here / "out"


class Asker:
    """Asks a stage about a model; its status, as a command would end."""

    def __init__(self, workers, folder):
        self._workers = workers
        self._folder = folder
        self._asked = 0

    def __call__(self, image, program, operation, outputs, parameters, **inputs):
        self._asked += 1
        stage = Stage(f"{operation}-{self._folder.name}-{self._asked}", image, program, operation)
        try:
            action = Action(stage, inspection._Anything, parameters, outputs, hashed(**inputs))  # noqa: SLF001
            execute(action, self._workers, ignore)
        except PinliteError as error:
            return error.exit_status
        return 0


@pytest.fixture
def ask(workers, tmp_path):
    return Asker(workers, tmp_path)


@pytest.fixture
def samples(tmp_path):
    np.savez(tmp_path / "samples.npz", x=np.ones((1, 4), np.float32))
    return tmp_path / "samples.npz"


def about_onnx(ask, path, samples):
    home = ("onnx", "onnx_check.check")
    checked = {"samples": "samples.npz", "simplified": "s.onnx"}
    return (
        ask(*home, "inspect", {"text": "model.txt"}, {}, model=path),
        ask(*home, "run", {"outputs": "outputs.npz"}, {}, model=path, samples=samples),
        ask(*home, "check", checked, {"inputs": [], "seed": 0}, model=path),
        ask(*home, "compute", {"outputs": "outputs.npz", "graph": "g.txt"}, {}, model=path, samples=samples),
    )


def about_tflite(ask, path, samples):
    """In every runtime."""
    parameters = {"inputs": [], "outputs": [], "threads": 1}
    files = {"model": path, "samples": samples}
    homes = [(stage.image, stage.program) for stage in map(infer.stage, toolchain.load().runtimes)]
    return (
        ask(*homes[0], "inspect", {"contents": "model.json"}, {}, model=path),
        *(ask(*home, "infer", {"outputs": "outputs.npz"}, parameters, **files) for home in homes),
    )


def about_saved_model(ask, path, samples):
    home = ("tensorflow", "tflite_convert.convert")
    adopted = {"samples": "samples.npz", "outputs": "outputs.npz"}
    return (
        ask(*home, "inspect", {"text": "model.txt"}, {}, model=path),
        ask(*home, "run", {"outputs": "outputs.npz"}, {}, model=path, samples=samples),
        ask(*home, "adopt", adopted, {"inputs": [], "seed": 0}, saved_model=path),
    )


@pytest.mark.parametrize("name", ONNX)
def test_an_onnx_file(ask, tmp_path, samples, name):
    content, statuses = ONNX[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert set(about_onnx(ask, path, samples)) <= statuses
    honest = tmp_path / "honest.onnx"
    honest.write_bytes(of(node("Relu", ["x"], ["y"])))
    assert about_onnx(ask, honest, samples) == (0, 0, 0, 0)


def test_an_onnx_file_that_never_ends(ask, tmp_path, samples):
    path = tmp_path / "endless.onnx"
    path.write_bytes(ENDLESS)
    computed = {"outputs": "outputs.npz", "graph": "g.txt"}
    assert ask("onnx", "onnx_check.check", "compute", computed, {}, model=path, samples=samples) == 6


KINDS = {"model.onnx": about_onnx, "model.float32.tflite": about_tflite, "saved_model": about_saved_model}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file(ask, tmp_path, made, kind):
    """Some bytes are others, or the end is gone; weights may be, so most of what is changed is not in them."""
    given = made / "samples.npz"
    assert set(KINDS[kind](ask, made / kind, given)) == {0}
    found = set()
    for seed in range(10):
        stream = random.Random(seed)
        path = tmp_path / f"{seed}-{kind}"
        if kind == "saved_model":
            shutil.copytree(made / kind, path)
        file = path / "saved_model.pb" if kind == "saved_model" else path
        content = bytearray((made / kind / "saved_model.pb" if kind == "saved_model" else made / kind).read_bytes())
        for _ in range(stream.choice([1, 3, 9])):
            content[stream.choice([stream.randrange(len(content)), stream.randrange(200)])] = stream.randrange(256)
        file.write_bytes(content[: stream.choice([len(content), len(content), stream.randrange(len(content))])])
        found |= set(KINDS[kind](ask, path, given))
    assert found <= {0, 2, 3, 6}
    assert found & {2, 3}
    assert set(KINDS[kind](ask, made / kind, given)) == {0}


def test_a_saved_model_that_reads_files(ask, tmp_path, made):
    """TensorFlow's graphs can: the file is the sandbox's own, and what it holds is no tensor of numbers."""
    shutil.copytree(made / "saved_model", tmp_path / "model")
    pb = tmp_path / "model" / "saved_model.pb"
    content = pb.read_bytes()
    assert b"Relu" in content
    pb.write_bytes(content.replace(b"\x12\x04Relu", b"\x12\x08ReadFile") + field(99, b"x"))
    assert set(about_saved_model(ask, tmp_path / "model", made / "samples.npz")) <= {0, 2, 3, 6}


@pytest.mark.parametrize("name", ["large.onnx", "large.tflite"])
def test_more_than_protobuf_and_flatbuffers_can_hold_is_refused_before_any_work(tmp_path, name):
    path = tmp_path / name
    path.touch()
    with path.open("wb") as stream:
        stream.truncate(2**31)
    with pytest.raises(UsageError, match="2 GiB"):
        inspection.inspect(path, engine="docker")
    if name.endswith("onnx"):
        with pytest.raises(UsageError, match="2 GiB"):
            options.parse_source(str(path))


def test_paths_that_lead_out_of_a_saved_model_are_not_followed(tmp_path, made, aims):
    targets, _ = aims
    shutil.copytree(made / "saved_model", tmp_path / "model")
    (tmp_path / "model" / "assets").mkdir()
    (tmp_path / "model" / "assets" / "vocabulary.txt").symlink_to(targets["secret"])
    for ask in (lambda path: inspection.inspect(path, engine="docker"), lambda path: options.parse_source(str(path))):
        with pytest.raises(UsageError, match="leads out"):
            ask(Path(tmp_path / "model"))
