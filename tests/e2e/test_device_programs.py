"""The programs of --example, run as they lie in a result: in Python by LiteRT's interpreter, in C++ by its library.

The library is libLiteRt.so of the package ai-edge-litert, which brings no headers; the program declares what it uses.
"""

import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from command import CASES, NETWORK

BOTH = ("--example", "python", "--example", "cpp")
LANGUAGES = ("python", "cpp")
LITERT = "litert-2.3.0"
# How many of an output's numbers a program prints, the largest.
SHOWN = 5
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NAMES = ("a/b", "a:b", "a_b", "größe, 1")


@pytest.fixture
def run(environments, tmp_path):
    """What a program of a language prints of arrays: the outputs' shapes, and places, numbers and labels of each."""
    environment = Path(environments[LITERT].reference, "environment")
    (library,) = environment.rglob("libLiteRt.so")

    def printed(language, out, variant, arrays):
        # A device has the files alone.
        device = tmp_path / "device"
        shutil.copytree(out, device, dirs_exist_ok=True)
        if language == "python":
            np.savez(tmp_path / "x.npz", **arrays)
            command = [environment / "bin" / "python", device / f"example.{variant}.py", tmp_path / "x.npz"]
        else:
            program, files = tmp_path / f"example.{variant}", []
            for at, array in enumerate(arrays.values()):
                files.append(tmp_path / f"{at}.bin")
                array.tofile(files[-1])
            build = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", device / f"example.{variant}.cpp"]
            link = ["-o", program, "-L", library.parent, "-l", "LiteRt", f"-Wl,-rpath,{library.parent}"]
            subprocess.run([*build, *link], check=True)
            command = [program, device, *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return parsed(done.stdout)

    if shutil.which("g++") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no g++, which compiles the programs in C++")
    return printed


def parsed(text):
    found, numbers = {}, []
    for line in text.splitlines():
        if line.startswith("  "):
            place, number, *label = line.split(maxsplit=2)
            numbers.append((int(place), float(number), *label))
        else:
            name, _, shape = line.rpartition(": ")
            numbers = []
            found[name] = (shape, numbers)
    return found


def agrees(found, expected, atol):
    """Whether what was printed are the largest numbers of the array, in their order."""
    shape, numbers = found
    assert shape == "x".join(map(str, expected.shape))
    flat = expected.ravel()
    assert len(numbers) == min(SHOWN, flat.size)
    for place, number, *_ in numbers:
        assert number == pytest.approx(float(flat[place]), abs=atol)
    assert all(one[1] >= other[1] for one, other in itertools.pairwise(numbers))
    assert numbers[0][1] == pytest.approx(float(flat.max()), abs=atol)


def outputs_of(pinlite, model, arrays, engine):
    """What onnxruntime makes of arrays."""
    np.savez(pinlite.here / "given.npz", **arrays)
    pinlite.succeeds("run", model, "--samples", "given.npz", "--out", "made.npz", "--engine", engine)
    with np.load(pinlite.here / "made.npz") as archive:
        return dict(archive)


def png(pixels):
    """A file of an image, [height, width, 3] of uint8."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="session")
def pictured(converted, any_engine, tmp_path_factory):
    """An image model with labels, calibrated on images that are normalized, whose file has the channels last."""
    folder = tmp_path_factory.mktemp("pictures")
    stream = np.random.default_rng(0)
    for at in range(4):
        (folder / f"{at}.png").write_bytes(png(stream.integers(0, 256, (16, 16, 3), np.uint8)))
    labels = tmp_path_factory.mktemp("labels") / "classes.txt"
    labels.write_text('cat\nröd "katt"\\ ??=\nbird\nfish\n', encoding="utf-8")
    normalized = ("--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD)))
    return converted(
        *(*NETWORK, *BOTH, "--metadata", "--labels", labels, "--input-layout", "nhwc", "--engine", any_engine),
        *("--variant", "float32", "--variant", "int8-only", "--calibration", folder, *normalized),
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("variant", "atol"), [("float32", 1e-5), ("int8-only", 0.05)])
def test_pixels_are_normalized_laid_out_and_labelled(pinlite, pictured, run, any_engine, language, variant, atol):
    pinlite.here.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (1, 3, 16, 16), np.uint8)
    mean, std = (np.float32(each).reshape(1, 3, 1, 1) for each in (MEAN, STD))
    floats = (pixels / np.float32(255) - mean) / std
    expected = outputs_of(pinlite, pictured / "model.onnx", {"image": floats}, any_engine)["output"]
    # The classes are of many sizes, and so are integers' errors.
    allowed = max(1, float(np.abs(expected).max())) * atol
    for given in (pixels, floats):
        found = run(language, pictured, variant, {"image": given})["output"]
        agrees(found, expected, allowed)
        names = ["cat", 'röd "katt"\\ ??=', "bird", "fish"]
        assert [label for _, _, label in found[1]] == [names[place] for place, *_ in found[1]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_image_comes_out_in_pytorchs_order(pinlite, converted, run, any_engine, language):
    layouts = ("--input-layout", "nhwc", "--output-layout", "nhwc")
    out = converted(f"{CASES}/tiny.py:Filter", "--input", "x=1x3x16x16", *layouts, *BOTH, "--engine", any_engine)
    pinlite.here.mkdir()
    x = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    expected = outputs_of(pinlite, out / "model.onnx", {"x": x}, any_engine)["output"]
    agrees(run(language, out, "float32", {"x": x})["output"], expected, 1e-5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_batch_of_any_size_is_one(pinlite, converted, run, any_engine, language):
    out = converted(*NETWORK, "--dynamic-batch", *BOTH, "--engine", any_engine)
    pinlite.here.mkdir()
    image = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    expected = outputs_of(pinlite, out / "model.onnx", {"image": image}, any_engine)["output"]
    agrees(run(language, out, "float32", {"image": image})["output"], expected, 1e-5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_inputs_of_any_name_and_type(converted, run, any_engine, language):
    first, second = np.random.default_rng(0).uniform(-8, 8, (2, 2, 3)).astype(np.float32)
    pixels, marks = np.uint8([[0, 1, 127], [128, 200, 255]]), np.int8([[0, 1, 127], [-128, -1, 5]])
    samples = dict(zip(NAMES, (first, pixels, second, marks), strict=True))
    inputs = [f"{name}=2x3:{array.dtype}" for name, array in samples.items()]
    out = converted(
        f"{CASES}/naming.py:Mixed",
        *(word for text in inputs for word in ("--input", text)),
        *(word for name in (*NAMES, "last") for word in ("--output-name", f"of {name}")),
        *(*BOTH, "--engine", any_engine),
    )
    found = run(language, out, "float32", samples)
    expected = {
        "of a/b": (second - first) / 2,
        "of a:b": pixels / np.float32(32),
        "of a_b": marks,
        "of größe, 1": (first + second) / 2,
        "of last": pixels,
    }
    assert set(found) == set(expected)
    for name, array in expected.items():
        agrees(found[name], array, 1e-6)


def test_files_are_the_same_without_programs_and_programs_are_the_same_again(converted, pictured, any_engine):
    plain = converted(*NETWORK, "--engine", any_engine)
    assert not [*plain.glob("example.*"), *plain.glob("labels.txt")]
    with_programs = converted(*NETWORK, *BOTH, "--engine", any_engine)
    described = [converted(*NETWORK, "--metadata", "--engine", any_engine, run=run) for run in (1, 2)]
    one, other = ((out / "model.float32.tflite").read_bytes() for out in described)
    assert one == other
    # Metadata stands before the file's bytes, and a multiple of 16 of it: constants lie where they have lain.
    assert one.endswith((plain / "model.float32.tflite").read_bytes())
    assert (len(one) - (plain / "model.float32.tflite").stat().st_size) % 16 == 0
    assert (plain / "model.float32.tflite").read_bytes() == (with_programs / "model.float32.tflite").read_bytes()
    again = converted(*NETWORK, *BOTH, "--engine", any_engine, run=2)
    for name in ("example.float32.py", "example.float32.cpp"):
        assert (with_programs / name).read_bytes() == (again / name).read_bytes()
    assert pictured.joinpath("labels.txt").read_text(encoding="utf-8").splitlines()[0] == "cat"


def test_metadata_is_what_inspect_reads(pinlite, pictured, any_engine):
    arguments = ("inspect", pictured / "model.int8-only.tflite", "--engine", any_engine)
    described = json.loads(pinlite.succeeds(*arguments, "--json").out)["described"]
    assert (described["name"], described["unread"]) == ("network", "")
    (image,), (output,) = described["inputs"], described["outputs"]
    assert (image["name"], image["labels"]) == ("image", [])
    np.testing.assert_allclose(image["mean"], np.multiply(255, MEAN), rtol=1e-6)
    np.testing.assert_allclose(image["std"], np.multiply(255, STD), rtol=1e-6)
    assert output["labels"] == ["cat", 'röd "katt"\\ ??=', "bird", "fish"]
    shown = pinlite.succeeds(*arguments).out
    assert "TFLite metadata: network: int8-only, converted by pinlite" in shown
    assert "4: cat," in shown


def test_labels_of_another_number_are_refused(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "labels.txt").write_text("cat\ndog\n")
    asked = ("--labels", "labels.txt", "--metadata", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(2, "convert", *NETWORK, *asked)
    assert re.search(r"labels\.txt has 2 lines; .* have 4 numbers", " ".join(said.split()))
    assert not (pinlite.here / "out").exists()
