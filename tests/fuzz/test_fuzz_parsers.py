"""What reads a stranger's bytes ends with a value or with the error that is meant for it."""

import contextlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

import made_report
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strange import DEEP, TEXTS, VALUES, changed, damaged

from pinlite import contract, options, toolchain
from pinlite.contract import ContractError, Ready, Response
from pinlite.conversion import representative_dataset
from pinlite.debugging.debug import debug
from pinlite.errors import PinliteError, UsageError
from pinlite.inputs import npz, packages, requirements_file
from pinlite.options import resolve
from pinlite.options.declared import Settings
from pinlite.options.option import fields
from pinlite.provenance import lockfile
from pinlite.schema.lock import Lock
from pinlite.schema.operators import ConversionOperators, FileOperators, Operator, OperatorTensor
from pinlite.schema.recipe import Calibration
from pinlite.schema.report import Report
from pinlite.store import collection, output, record, runs
from pinlite.store.files import Store
from pinlite.store.record import Record
from pinlite.ui.console import escaped, escaped_json
from pinlite.ui.page import graph, plots

READY = {"type": "ready", "contract": 1, "versions": {"torch": "1.7.1"}}
RESPONSE = {"type": "response", "id": "1", "result": {"a": [1, None]}, "seconds": 0.5, "peak_memory": 1024}
FAILURE = RESPONSE | {"result": None, "error": {"kind": "model", "message": "no", "hint": "try"}}
SHA256 = "0" * 64
LOCK = {
    "schema": "pinlite.lock/2",
    "pinlite": "1",
    "bases": {"python-3.8": "sha256:0"},
    "options": {"source": "model.py:build", "input": ["x=1x3"]},
    "images": {"torch-1.7.1": {"identity": SHA256, "packages": SHA256}},
    "inputs": {"model.py": SHA256},
    "stages": {"export": {"image": "torch-1.7.1", "parameters": {"seed": 0}, "inputs": {}, "outputs": {"a": SHA256}}},
    "artifacts": {"model.onnx": SHA256},
}
LOCK_1 = {key: value for key, value in LOCK.items() if key != "bases"}
LOCK_1 |= {"schema": "pinlite.lock/1", "base": "sha256:0"}
RECORD = {
    "preimage": {
        "schema": "pinlite.action/2",
        "image": "torch-1.7.1",
        "identity": SHA256,
        "program": "torch_export.export",
        "operation": "export",
        "contract": 1,
        "platform": "linux/amd64",
        "parameters": {},
        "inputs": {},
        "outputs": {"model": "model.onnx"},
        "environment": {},
    },
    "stage": "export",
    "result": {},
    "outputs": {"model": {"name": "model.onnx", "sha256": SHA256, "folder": False, "size": 1}},
    "engine": "fake",
    "made_in": SHA256,
    "seconds": 1.0,
    "peak_memory": 1,
    "versions": {},
}
ANSWER = {"read": [["path", "model.py", ""]], "out": "out", "files": {"a": [False, SHA256]}, "documents": {"b": "c"}}
REPORT = {
    "schema": "pinlite.report/2",
    "ok": True,
    "engine": "fake",
    "source": "a.py:b",
    "lowering": "nhwc",
    "tolerance": 1e-4,
    "seed": 0,
    "opset": 12,
    "toolchain_name": "classic",
    "toolchain": {},
    "target": "tflite-2.4",
    "runtimes": [
        {
            "name": "tflite-runtime 2.14.0",
            "package": "tflite-runtime",
            "version": "2.14.0",
            "image": "tflite-2.14.0",
            "required": True,
        }
    ],
    "stages": [],
    "hops": [],
    "failures": [],
    "artifacts": [{"role": "onnx", "path": "model.onnx", "sha256": "0", "size": 1}],
    "variants": [
        {
            "name": "float32",
            "path": "model.float32.tflite",
            "sha256": "0",
            "size": 1,
            "inputs": [],
            "outputs": [],
            "parity": {"tflite-runtime 2.14.0": 0.0},
            "cosine": {},
            "latency_ms": {},
            "ops": {"MUL": 1},
            "quantization": {"tensors": 0, "per_channel": 0, "float_operators": {}},
        }
    ],
    "calibration": None,
    "versions": {},
    "lock": LOCK,
}
ARRAYS = {"a": np.zeros((2, 3), np.float32), "b": np.array([1, 2], np.int64), "c": np.zeros((), np.float16)}


def npz_of(arrays, compressed):
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def npy_of(header, content=b""):
    """An .npy file with any header."""
    stream = io.BytesIO()
    stream.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)
    return stream.getvalue()


@given(st.binary() | DEEP | changed(READY).map(json.dumps).map(str.encode))
def test_a_line_of_a_worker(line):
    with contextlib.suppress(ContractError):
        assert isinstance(contract.parse(line), Ready | Response)


@given(changed(RESPONSE) | changed(FAILURE))
def test_an_answer_of_a_worker(message):
    with contextlib.suppress(ContractError):
        found = contract.parse(json.dumps(message).encode())
        assert (found.result is None) != (found.error is None)
        assert 0 <= found.peak_memory < 2**63
        found.model_dump_json()


@given(damaged(json.dumps(RESPONSE).encode()))
def test_a_damaged_answer(line):
    with contextlib.suppress(ContractError):
        contract.parse(line)


def read_npz(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "arrays.npz")
        path.write_bytes(content)
        try:
            arrays = npz.read(path)
        except npz.NoArraysError:
            return
    assert sum(array.nbytes for array in arrays.values()) <= npz.MOST
    assert not any(array.dtype.hasobject for array in arrays.values())


@given(st.binary() | damaged(npz_of(ARRAYS, compressed=False)) | damaged(npz_of(ARRAYS, compressed=True)))
def test_an_npz_file(content):
    read_npz(content)


@given(
    descr=st.sampled_from(["<f4", "|O", "<f0", "V999999999", "|S0", "<U3", "<M8[s]"]) | TEXTS | VALUES,
    shape=st.lists(st.integers(-5, 5) | st.sampled_from([2**31, 2**62, 2**63, 10**30]), max_size=40) | VALUES,
    fortran=st.booleans() | VALUES,
    content=st.binary(max_size=64),
)
def test_a_header_of_an_array(descr, shape, fortran, content):
    shape = tuple(shape) if isinstance(shape, list) else shape
    read_headed(repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode("utf-8", "replace"), content)


@given(st.binary(max_size=300), st.binary(max_size=64))
@example(b"(" * 9000, b"")
@example(b"-" * 9000 + b"1", b"")
@example(b"{'a':" * 2000, b"")
@example(b"\n    1\n  2", b"")
def test_a_header_that_is_none(header, content):
    read_headed(header, content)


def read_headed(header, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", npy_of(header, content))
    read_npz(stream.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.npy").write_bytes(npy_of(header, content))
        with contextlib.suppress(UsageError):
            representative_dataset.read(Calibration(kind="arrays", text="folder", path=Path(folder)))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
    for name in ("model.py", "model.onnx", "samples.npz", "weights.pt"):
        Path(name).touch()
    return tmp_path


KEYS = sorted(field.key for field in fields(Settings))
WORDS = st.sampled_from(
    ["model.py:build", "model.onnx", "samples.npz", "weights.pt", "float32", "int8", "random", "x=1x3", "x=1:int8"]
)


def toml_of(value):
    """A value as TOML has it; what it has no form for as a string."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml_of, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_of(str(key))} = {toml_of(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value))


@pytest.mark.usefixtures("here")
@given(st.dictionaries(st.sampled_from(KEYS) | TEXTS, VALUES | WORDS | st.lists(WORDS | TEXTS), max_size=6))
def test_a_pinlite_toml(keys):
    given = {"source": "model.py:build", "input": ["x=1x3"]} | keys
    text = "".join(f"{json.dumps(key)} = {toml_of(value)}\n" for key, value in given.items())
    Path("pinlite.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UsageError):
        assert resolve({}, Path("pinlite.toml")).source.kind


@pytest.mark.usefixtures("here")
@given(st.binary() | DEEP.map(lambda value: b"a = " + value))
def test_a_pinlite_toml_that_is_none(content):
    Path("pinlite.toml").write_bytes(content)
    with contextlib.suppress(UsageError):
        resolve({}, Path("pinlite.toml"))


IMAGE = {"description": "ours", "base": "python-3.8", "programs": ["stagekit", "onnx_check"], "sources": ["wrapt"]}
TOOLCHAIN = {
    "description": "ours",
    "opsets": {"least": 9, "most": 12, "default": 11},
    "lowerings": ["stock"],
    "target": "ours",
    "images": {"torch": "torch-1.7.1", "onnx": "mine", "onnx-tf": "onnx-tf-1.7.0", "tensorflow": "tensorflow-2.4.1"},
    "runtimes": [
        {"image": "mine", "program": "onnx_check.check", "package": "onnx", "select-tf": True, "runs": {"int8": 1}}
    ],
    "targets": {"ours": {"description": "ours", "since": {"onnx": "1.8"}}},
}


def toolchain_file(here, content, image=IMAGE, lock=b"onnx==1.8.1\n"):
    pins = here / "pins" / "mine"
    pins.mkdir(parents=True, exist_ok=True)
    (pins / "image.toml").write_bytes(content_of(image))
    (pins / "requirements.lock").write_bytes(lock)
    (here / "mine.toml").write_bytes(content_of(content))
    return toolchain.load(str(here / "mine.toml"))


def content_of(value):
    """A file's bytes, which are a TOML's where ``value`` has keys."""
    if isinstance(value, bytes):
        return value
    text = "".join(f"{json.dumps(key)} = {toml_of(inner)}\n" for key, inner in value.items())
    return text.encode("utf-8", "surrogatepass")


def test_the_toolchain_of_these_tests_is_one(here):
    assert toolchain_file(here, TOOLCHAIN).target.name == "ours"


@given(st.binary() | DEEP | DEEP.map(lambda value: b"a = " + value) | changed(TOOLCHAIN))
@example(b"a = " + b"[" * 100_000)
@example({**TOOLCHAIN, "images": {**TOOLCHAIN["images"], "onnx": "a" * 300}})
@example({**TOOLCHAIN, "images": {**TOOLCHAIN["images"], "onnx": "../pins/mine"}})
def test_a_toolchain(here, content):
    with contextlib.suppress(UsageError):
        found = toolchain_file(here, content)
        assert set(found.images) > set(TOOLCHAIN["images"])
        for recipe in found.recipes:
            assert not set(recipe.name) & set(" /\\\0\n:@")


@given(st.binary() | DEEP.map(lambda value: b"a = " + value) | changed(IMAGE), st.binary() | st.just(b"onnx==1.8.1"))
@example({"description": "itself", "from": "mine", "programs": []}, b"onnx==1.8.1")
def test_an_image(here, content, lock):
    with contextlib.suppress(UsageError):
        assert toolchain_file(here, TOOLCHAIN, content, lock).images["mine"].versions["onnx"]


@pytest.mark.usefixtures("here")
@given(st.dictionaries(st.sampled_from(KEYS), WORDS | TEXTS | VALUES | st.lists(WORDS | TEXTS), max_size=6))
def test_options(options):
    with contextlib.suppress(UsageError):
        assert resolve({"source": "model.py:build", "input": ["x=1x3"]} | options).source.kind


@given(TEXTS | st.from_regex(r"[\w.\[\],-]{0,8}==[\w.!+-]{0,8}\s?"))
@example("a==1\n--index-url=http://a")
@example("-r==1")
@example("a==1 --hash=sha256:0")
@example("a @ file:///etc/passwd")
def test_a_requirement_is_one_name_and_one_version(requirement):
    with contextlib.suppress(UsageError):
        options.check_requirement(requirement)
        assert requirement.isascii()
        assert not set(requirement) & set(" \t\n\r;@#/\\\"'$`")
        assert not requirement.startswith("-")


METADATA = st.lists(
    st.tuples(st.sampled_from(["Name", "Version", "Metadata-Version", "Requires-Dist", "Dynamic"]), TEXTS)
).map(lambda lines: "".join(f"{key}: {value}\n" for key, value in lines).encode())
PROJECT = st.lists(
    st.tuples(st.sampled_from(["name", "version", "dependencies", "requires-python", "dynamic"]), TEXTS | VALUES)
).map(lambda lines: ("[project]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines)).encode())
SETUP = TEXTS.map(lambda text: f"setup(name={text!r}, install_requires=[{text!r}])".encode())


@given(st.binary() | METADATA, st.binary() | PROJECT, st.binary() | SETUP)
@example(b"", b"a = " + b"[" * 5000, b"(" * 5000)
def test_what_a_package_says_of_itself(here, metadata, project, setup):
    source, wheel = here / "net-1.zip", here / "net-1-py3-none-any.whl"
    with zipfile.ZipFile(source, "w") as archive:
        for name, data in (("PKG-INFO", metadata), ("pyproject.toml", project), ("setup.py", setup)):
            archive.writestr(f"net-1/{name}", data)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("net-1.dist-info/METADATA", metadata)
    found = packages.of_archive(source, "net", "1")
    assert (found.name, found.version) == ("net", "1")
    assert "\n" not in "".join((*found.requires, *found.builds_with, found.python))
    with contextlib.suppress(UsageError):
        assert packages.of_wheel(wheel).name == "net"


@given(st.binary(), TEXTS)
@example(b"", "a==1 --hash=sha256:0")
def test_files_of_packages_and_of_requirements(here, content, text):
    for name in ("net-1.zip", "net-1.tar.gz", "net-1-py3-none-any.whl", "r.txt"):
        (here / name).write_bytes(content)
    assert packages.of_archive(here / "net-1.zip", "net", "1").name == "net"
    assert packages.of_archive(here / "net-1.tar.gz", "net", "1").name == "net"
    for read in (
        lambda: packages.of_wheel(here / "net-1-py3-none-any.whl"),
        lambda: requirements_file.read(here / "r.txt"),
    ):
        with contextlib.suppress(UsageError):
            read()
    (here / "r.txt").write_text(text, errors="replace")
    with contextlib.suppress(UsageError):
        assert all("\n" not in line.requirement for line in requirements_file.read(here / "r.txt"))


@given(st.binary() | DEEP | changed(REPORT).map(json.dumps).map(str.encode))
def test_an_earlier_result(here, content):
    out = here / "out"
    out.mkdir(exist_ok=True)
    (out / output.REPORT).write_bytes(content)
    (out / "model.onnx").touch()
    with contextlib.suppress(UsageError):
        output.check(out, "net.py:build")
    with pytest.raises(PinliteError):
        debug(out, engine="docker")


def test_the_records_of_these_tests_are_some():
    assert Report.model_validate(REPORT).variants
    assert Record.model_validate(RECORD).outputs
    assert Lock.model_validate(LOCK_1).bases == Lock.model_validate(LOCK).bases


@given(st.binary() | DEEP | (changed(LOCK) | changed(LOCK_1)).map(json.dumps).map(str.encode))
def test_a_lock(here, content):
    (here / "pinlite.lock").write_bytes(content)
    with contextlib.suppress(UsageError):
        assert lockfile.read(here / "pinlite.lock").lock_schema


@given(st.binary() | DEEP | changed(RECORD).map(json.dumps).map(str.encode))
def test_a_record_of_the_store(here, content):
    store = Store(here / "store")
    path = store.record("actions", SHA256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert record.load(store, SHA256) is None
    path.write_bytes(content)
    collection.entries(store)
    collection.damaged(store)


@given(st.binary() | DEEP | changed(ANSWER).map(json.dumps).map(str.encode))
def test_an_answer_of_the_store(here, content):
    store = Store()
    assert store.root.is_relative_to(here)
    path = store.record("runs", runs.key_of(["convert"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    found = runs.find(["convert"])
    assert found is None or (found.files.keys() and found.documents.keys())


@given(st.text(st.characters(codec=None)))
def test_nothing_that_is_shown_steers(text):
    shown = escaped(text)
    assert not any((character < " " and character not in "\t\n") or "\x7f" <= character < "\xa0" for character in shown)
    if shown == text:
        return
    with contextlib.suppress(UnicodeEncodeError):
        printed = escaped_json(json.dumps([text], ensure_ascii=False))
        assert json.loads(printed) == [text]


NAMES = st.sampled_from(["x", "y", "Conv_0/Conv2D;y", "Conv_1", "_int8", ""]) | st.text(max_size=5)
TENSORS = st.builds(
    OperatorTensor,
    name=NAMES,
    type=st.sampled_from(["int8", "int16", "float32"]),
    shape=st.lists(st.integers(), max_size=3).map(tuple),
    constant=st.booleans(),
    scale=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    zero_point=st.none() | st.integers(),
    channels=st.integers(),
    seen=st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
)
OPERATORS = st.builds(
    Operator,
    kind=NAMES,
    inputs=st.lists(TENSORS, max_size=3).map(tuple),
    outputs=st.lists(TENSORS, max_size=2).map(tuple),
    macs=st.integers(),
)


@given(st.lists(OPERATORS, max_size=80), st.dictionaries(NAMES, st.lists(NAMES, max_size=2).map(tuple)))
@example([], {})
@example([Operator(kind="", inputs=(), outputs=(), macs=0)], {"": (".".join("a" * 100_000),)})
def test_any_operators_have_a_graph(operators, modules):
    found = ConversionOperators(modules=modules, variants={"float32": FileOperators(operators=tuple(operators))})
    drawn = graph.of(made_report.report(), {"": found}, {})["float32"]
    json.dumps([drawn, [bar.end for plot in plots.ranges(found) for bar in plot.bars]], allow_nan=False)
    places = [place for scope in drawn["scopes"] for _, _, kind, place in scope["nodes"] if kind == "op"]
    assert sorted(places) == list(range(len(operators)))
