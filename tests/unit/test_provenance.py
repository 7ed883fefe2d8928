"""What a folder says of where it comes from: true, whole, valid by the published schemas, and free of this machine."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import fake_engine
import numpy as np
import pytest
from cyclonedx.model.bom import Bom
from packageurl import PackageURL
from recipes import from_pytorch

from pinlite import toolchain
from pinlite.conversion import pipeline
from pinlite.machine import folders
from pinlite.options import resolve
from pinlite.provenance import UsedImage, sbom, schemas
from pinlite.toolchain import bases, extra_requirements

BASE = bases.load()["python-3.8"]
NAMES = [image.name for image in from_pytorch()]
AROUND = {"provenance.json", "provenance.json.sha256"}


@pytest.fixture
def convert(engine, model_file):
    assert engine.requests == []

    def run(**options):
        pipeline.run(resolve({"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"} | options))
        return json.loads(Path("out/provenance.json").read_text())

    return run


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def definition(statement):
    return statement["predicate"]["buildDefinition"]


def dependencies(statement):
    return {resource["name"]: resource for resource in definition(statement)["resolvedDependencies"]}


def digests(resources):
    return {resource["name"]: resource["digest"]["sha256"] for resource in resources}


def test_the_documents_are_what_their_schemas_say(convert):
    convert(variant=["float32", "int8"], calibration="random", **{"dynamic-batch": True})
    schemas.read_statement(Path("out/provenance.json").read_text())
    schemas.check_sbom(Path("out/sbom.json").read_text())


def test_the_subjects_are_all_files_beside_the_statement(convert):
    statement = convert()
    files = [path for path in Path("out").rglob("*") if path.is_file() and path.name not in AROUND]
    assert digests(statement["subject"]) == {path.relative_to("out").as_posix(): sha256(path) for path in files}
    names = [subject["name"] for subject in statement["subject"]]
    assert names == sorted(names)
    assert {"report.json", "sbom.json", "saved_model/variables/variables.index"} <= set(names)


def test_sha256sum_can_check_the_statement(convert):
    convert()
    subprocess.run(["sha256sum", "--check", "--strict", "provenance.json.sha256"], cwd="out", check=True)


def test_the_recipe_is_told_without_the_folders_of_this_machine(convert, model_file, tmp_path):
    model_file.with_name("w.pt").write_bytes(b"weights")
    np.savez("mine.npz", **fake_engine.SAMPLES)
    here = model_file.parent
    statement = convert(weights=f"{here}/w.pt", samples=f"{here}/mine.npz", out=f"{here}/out", seed=7)
    asked = definition(statement)["externalParameters"]
    assert asked["source"] == {
        "kind": "python",
        "text": "model.py:build",
        "path": "model.py",
        "beside": [],
        "module": "model",
        "callable": "build",
    }
    assert (asked["weights"], asked["samples"], asked["seed"]) == ("w.pt", "mine.npz", 7)
    assert asked["inputs"] == [{"name": "image", "shape": [1, 3, 4, 4], "dtype": "float32"}]
    for name in ("provenance.json", "sbom.json"):
        assert str(tmp_path) not in Path("out", name).read_text()


def test_what_went_in_is_told_by_its_digest(convert, model_file):
    model_file.write_text("import beside\n\ndef build():\n    ...\n")
    Path("beside.py").write_text("x = 1\n")
    Path("unseen.py").write_text("x = 2\n")
    Path("data.py").write_text("def samples(): ...\n")
    Path("labels.py").write_text("def labelled(): ...\n")
    Path("training.py").write_text("def train(model): ...\n")
    Path("w.pt").write_bytes(b"weights")
    Path("numbers").mkdir()
    for name in ("b", "a"):
        Path("numbers", name).write_text(f"the numbers of {name}")
    statement = convert(
        weights="w.pt",
        variant=["int8"],
        calibration="data.py:samples",
        evaluate="labels.py:labelled",
        prune=0.5,
        finetune="training.py:train",
        data="numbers",
    )
    found = {name: resource for name, resource in dependencies(statement).items() if not name.startswith("image/")}
    files = {
        "calibration/data.py": "data.py",
        "evaluation/labels.py": "labels.py",
        "functions/training.py": "training.py",
        "source/beside.py": "beside.py",
        "source/model.py": "model.py",
        "weights/w.pt": "w.pt",
    }
    assert {name: found[name]["digest"] for name in files} == {n: {"sha256": sha256(p)} for n, p in files.items()}
    # As in-toto's own words on dirHash have it.
    shell = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '"
    printed = subprocess.run(["sh", "-c", shell], cwd="numbers", check=True, capture_output=True, text=True).stdout
    assert found["data/numbers"]["digest"] == {"dirHash": printed.strip()}
    assert set(found) == {"base/python-3.8", "base/python-3.11", "data/numbers", *files}


@pytest.mark.parametrize("kind", ["checkpoint", "onnx", "saved_model"])
def test_a_model_in_a_file_is_a_dependency(convert, kind):
    Path("given").mkdir()
    Path("given/saved_model.pb").write_bytes(b"given")
    for name in ("net.pt", "net.onnx"):
        Path(name).write_bytes(b"given")
    file = {"checkpoint": "net.pt", "onnx": "net.onnx", "saved_model": "given/saved_model.pb"}[kind]
    statement = convert(source="given" if kind == "saved_model" else file)
    sources = [name for name in dependencies(statement) if name.startswith("source/")]
    assert sources == [f"source/{Path(file).name}"]
    assert dependencies(statement)[sources[0]]["digest"] == {"sha256": hashlib.sha256(b"given").hexdigest()}


def test_calibration_arrays_are_a_dependency(convert):
    np.savez("ranges.npz", image=np.linspace(0, 1, 96, dtype=np.float32).reshape(2, 1, 3, 4, 4))
    statement = convert(variant=["int8"], calibration="ranges.npz")
    assert dependencies(statement)["calibration/ranges.npz"]["digest"] == {"sha256": sha256("ranges.npz")}


def test_images_are_told_by_identity_lock_and_dockers_id(convert):
    found = dependencies(convert())
    for image in from_pytorch():
        name = image.name
        assert found[f"image/{name}"]["digest"] == {"sha256": image.identity("fake")}
        assert found[f"image/{name}"]["annotations"] == {"dockerImageId": f"sha256:{name}"}
        lock = folders.IMAGES / "pins" / name / "requirements.lock"
        assert found[f"image/{name}/requirements.lock"]["digest"] == {"sha256": sha256(lock)}
    for name in ("base/python-3.8", "base/python-3.11"):
        assert found[name] == {"name": name, "uri": "pkg:generic/cpython@3.8.18"}


@pytest.mark.parametrize(
    ("base", "reference"),
    [
        (BASE.digest, "python:3.8.18-slim-bookworm"),
        (BASE.local_identity, "pinlite/base:3.8-bookworm"),
        ("cpython-3.8", None),
    ],
)
@pytest.mark.parametrize("name", ["torch", "onnx-tf"])
def test_the_base_is_told_by_the_identity_that_follows_from_it(base, reference, name):
    image = toolchain.load().images[name]
    found = UsedImage(image, image.identity(base), "3.8.18").base
    assert (found and found.reference) == reference
    assert (found and f"sha256:{found.sha256}") == (base if reference else None)


def test_the_run_is_told(convert):
    run = convert()["predicate"]["runDetails"]
    assert run["builder"]["id"] == "urn:pinlite:engine:fake"
    assert run["metadata"]["startedOn"] < run["metadata"]["finishedOn"]
    assert run["metadata"]["finishedOn"].endswith("Z")


def test_two_equal_runs_differ_in_what_is_said_to_differ(convert):
    def told():
        statement = convert(**{"no-cache": True})
        run = statement["predicate"].pop("runDetails")
        subjects = digests(statement["subject"])
        del statement["subject"]
        report = subjects.pop("report.json")
        return statement, subjects, run["metadata"]["invocationId"], report, Path("out/sbom.json").read_bytes()

    one, other = told(), told()
    assert one[:2] == other[:2]
    assert one[2] != other[2]
    assert one[4] == other[4]


def test_what_was_made_before_is_told_as_it_was_made(convert):
    first, again = dependencies(convert()), dependencies(convert())
    for name in NAMES:
        assert again[f"image/{name}"]["digest"] == first[f"image/{name}"]["digest"]


def test_the_bill_has_every_package_of_every_image(convert):
    convert()
    bill = json.loads(Path("out/sbom.json").read_text())
    components = {component["bom-ref"]: component for component in bill["components"]}
    held = {entry["ref"]: set(entry["dependsOn"]) for entry in bill["dependencies"]}
    assert held["pinlite"] == {f"image/{name}" for name in NAMES}
    for name in NAMES:
        lines = (folders.IMAGES / "pins" / name / "requirements.lock").read_text().splitlines()
        wanted = {line.removesuffix(" \\") for line in lines if "==" in line}
        packages = [components[reference] for reference in held[f"image/{name}"] if reference.startswith("pkg:pypi/")]
        assert {f"{package['name']}=={package['version']}" for package in packages} == wanted
        assert "pkg:generic/cpython@3.8.18" in held[f"image/{name}"]
        hashes = {line.rpartition("sha256:")[2].removesuffix(" \\") for line in lines if "--hash" in line}
        assert hashes <= {entry["content"] for package in packages for entry in package["hashes"]}


def test_the_bill_is_read_by_others(convert):
    convert()
    bill = json.loads(Path("out/sbom.json").read_text())
    assert len(Bom.from_json(bill).components) == len(bill["components"])
    for component in bill["components"]:
        if "purl" in component:
            assert PackageURL.from_string(component["purl"]).to_string() == component["purl"]


def test_packages_of_with_are_in_the_bill(convert, monkeypatch):
    lock = f"timm==0.4.12 \\\n    --hash=sha256:{'0' * 64}\nLocal_Name==1.0+cpu \\\n    --hash=sha256:{'1' * 64}\n"
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: extra_requirements.Added(lock.encode(), {}))
    statement = convert(**{"with": ["timm==0.4.12"]})
    bill = json.loads(Path("out/sbom.json").read_text())
    held = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}["image/torch-1.7.1-with"]
    assert held == ["pkg:generic/cpython@3.8.18", "pkg:pypi/local-name@1.0%2Bcpu", "pkg:pypi/timm@0.4.12"]
    lock_digest = dependencies(statement)["image/torch-1.7.1-with/requirements.lock"]["digest"]
    assert lock_digest == {"sha256": hashlib.sha256(lock.encode()).hexdigest()}


def test_files_of_ones_own_packages_are_in_the_bill(convert, monkeypatch):
    digest = "2" * 64
    lock = f'# sha256:{digest} "local/0/ours-1.0-py3-none-any.whl"\n'
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: extra_requirements.Added(lock.encode(), {}))
    convert(**{"with": ["timm==0.4.12"]})
    bill = json.loads(Path("out/sbom.json").read_text())
    (file,) = [component for component in bill["components"] if component["type"] == "file"]
    assert (file["name"], file["hashes"][0]["content"]) == ("local/0/ours-1.0-py3-none-any.whl", digest)
    held = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}["image/torch-1.7.1-with"]
    assert file["bom-ref"] in held


def test_packages_of_ones_own_are_among_what_it_was_made_of(convert, monkeypatch):
    monkeypatch.setattr(extra_requirements, "locked", lambda *_: extra_requirements.Added(b"", {}))
    for name in ("ours", "theirs"):
        Path(name).mkdir()
        Path(name, "setup.py").write_text(name)
    Path("r.txt").write_text("six==1.16\n")
    given = dependencies(convert(**{"with": ["./ours", "./theirs", "./r.txt"]}))
    assert digests(given[name] for name in given if name.startswith("with/")) == {
        "with/ours/setup.py": sha256("ours/setup.py"),
        "with/theirs/setup.py": sha256("theirs/setup.py"),
        "with/r.txt": sha256("r.txt"),
    }


def test_nothing_but_verify_waits_for_what_reads_schemas_and_keys():
    code = "import sys, pinlite.cli.app, pinlite.conversion.pipeline; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported.isdisjoint({"cryptography", "cyclonedx", "google", "in_toto_attestation", "jsonschema"})


def test_a_browser_and_packages_of_npm_are_in_the_bill():
    recipe = toolchain.with_runtimes(toolchain.load(), ["web"]).images["litert-js-2.5.3"]
    base = recipe.base
    identity = recipe.identity(base.with_browser(base.local_identity, "156.0-1~deb12u1"))
    used = UsedImage(recipe, identity, "3.11.9", browser="156.0-1~deb12u1")
    assert used.base.name == base.name
    components = {each["bom-ref"]: each for each in json.loads(sbom.of([used]))["components"]}
    assert components["pkg:deb/debian/chromium@156.0-1~deb12u1?distro=bookworm"]["version"] == "156.0-1~deb12u1"
    (digest,) = components["pkg:npm/%40litertjs/core@2.5.3"]["hashes"]
    assert (digest["alg"], len(digest["content"])) == ("SHA-512", 128)
    # The version of another browser makes another image.
    assert UsedImage(recipe, identity, "3.11.9", browser="157.0").base is None
