"""Results in a registry: what is pushed comes back as it was made, or not at all."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from oras.client import OrasClient

import pinlite
from pinlite.errors import RegistryError, TamperedError, UsageError
from pinlite.provenance.publishing import ARTIFACT
from pinlite.registry import Descriptor, Manifest, Reference
from pinlite.registry.repository import Repository

MADE = Path(__file__).parents[1] / "made_before" / "0.1.0"
KEY = MADE / "key.pub"
TITLE = "org.opencontainers.image.title"
NUMBERS = itertools.count()


@pytest.fixture
def result(tmp_path):
    """What release 0.1.0 has converted, and signed."""
    return Path(shutil.copytree(MADE / "stock" / "out", tmp_path / "result"))


@pytest.fixture
def name():
    return f"results/net-{next(NUMBERS)}"


@pytest.fixture
def to(registry, name):
    return f"oci://{registry.host}/{name}"


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pulled"


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_result_comes_back_as_it_went(result, to, out):
    pushed = pinlite.push(result, f"{to}:v1")
    assert str(pushed.reference).startswith(f"{to}:v1@sha256:")
    found = pinlite.pull(f"{to}:v1", out=out, trust_keys=[KEY])
    assert files(out) == files(result)
    assert (found.reference, found.folder, found.verified.trusted) == (pushed.reference, out, True)


def test_the_same_result_has_the_same_digest(result, to, out):
    first, again = pinlite.push(result, to), pinlite.push(result, f"{to}:again")
    assert first.reference.tag == "latest"
    assert first.reference.digest == again.reference.digest
    assert pinlite.pull(f"{to}@{first.reference.digest}", out=out).verified.files == len(files(result))


def test_without_out_it_goes_below_build(result, to, name, out):
    pinlite.push(result, to)
    assert pinlite.pull(to).folder == Path("build") / name.rpartition("/")[2]
    assert files(out.parent / "build" / name.rpartition("/")[2]) == files(result)


def test_what_was_added_to_a_result_stays_here(result, to, out):
    (result / "report.html").write_text("a page")
    pinlite.push(result, to)
    pinlite.pull(to, out=out)
    assert not (out / "report.html").exists()


def test_other_tools_find_the_documents_by_what_refers_to_the_result(result, to, registry, name, tmp_path):
    pushed = pinlite.push(result, to).reference
    repository = Repository(pushed)
    descriptor, _ = repository.manifest(pushed.digest)
    found = {}
    for listed in repository.referrers(descriptor):
        _, manifest = repository.artifact(listed.digest)
        (layer,) = manifest.layers
        assert manifest.subject.digest == pushed.digest
        assert listed.artifact_type == manifest.artifact_type
        found[manifest.artifact_type] = repository.pull(layer)
    assert found == {
        "application/vnd.pinlite.report.v1+json": (result / "report.json").read_bytes(),
        "application/vnd.cyclonedx+json": (result / "sbom.json").read_bytes(),
        "application/vnd.in-toto+json": (result / "provenance.json").read_bytes(),
        "application/vnd.dsse.envelope.v1+json": (result / "provenance.intoto.jsonl").read_bytes(),
    }
    client = OrasClient(hostname=registry.host, insecure=True)
    client.pull(target=f"{registry.host}/{name}:latest", outdir=str(tmp_path / "by-oras"))
    assert files(tmp_path / "by-oras") == files(result)


def test_the_commands_say_where_and_whose(result, to, out):
    def command(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "pinlite", *map(str, arguments)], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    status, said, _ = command("push", result, to)
    assert (status, said.splitlines()[0].partition("@")[0]) == (0, f"{result} is {to}:latest")
    assert "which was not checked: --trust-key PUBLIC.pem does" in said
    status, said, _ = command("pull", to, "--out", out, "--trust-key", KEY)
    assert (status, said.splitlines()[-1]) == (0, f"signed by {KEY}")
    status, _, said = command("pull", f"{to}:absent", "--out", out)
    assert (status, said.splitlines()[0]) == (2, f"error: there is no {to}:absent")


def test_a_folder_that_has_changed_is_not_pushed(result, to):
    (result / "model.onnx").write_bytes(b"changed")
    with pytest.raises(TamperedError, match=r"model\.onnx has changed"):
        pinlite.push(result, to)
    assert [*Repository(Reference.parse(to)).tags()] == []


def test_a_result_of_another_key_is_refused(result, to, out, tmp_path):
    pinlite.push(result, to)
    other = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(
        TamperedError, match=rf"(?s){to}:latest@sha256:\w+ has changed .*not signed by .*other\.pem"
    ) as raised:
        pinlite.pull(f"{to}:latest", out=out, trust_keys=[tmp_path / "other.pem"])
    assert raised.value.hint
    assert not out.exists()


def test_an_unsigned_result_is_refused_where_a_key_is_asked_for(result, to, out):
    (result / "provenance.intoto.jsonl").unlink()
    pinlite.push(result, to)
    with pytest.raises(TamperedError, match="it is unsigned"):
        pinlite.pull(to, out=out, trust_keys=[KEY])
    assert not out.exists()
    assert pinlite.pull(to, out=out).verified.keys == ()


def pushed_by_hand(to, layers, artifact_type=ARTIFACT):
    """An artifact of files by their titles, of which one may be there twice."""
    repository = Repository(Reference.parse(to))
    described = []
    for title, data in layers:
        described.append(Descriptor.of(data, annotations={TITLE: title}))
        repository.push(data, described[-1])
    repository.push_artifact(Manifest(artifact_type=artifact_type, layers=tuple(described)), "latest")


def test_somebody_who_pushes_another_model_is_found_out(result, to, out):
    changed = files(result) | {"model.float32.tflite": b"another model"}
    pushed_by_hand(to, changed.items())
    with pytest.raises(TamperedError, match=r"model\.float32\.tflite has changed"):
        pinlite.pull(to, out=out)
    assert not out.exists()


@pytest.mark.parametrize(
    "more",
    [
        [("../evil", b"evil")],
        [("/evil", b"evil")],
        [("a/../../evil", b"evil")],
        [("", b"evil")],
        [("evil\0", b"evil")],
        [("report.json", b"evil")],
        [("evil", b"evil"), ("evil/evil", b"evil")],
    ],
)
def test_a_file_that_leads_elsewhere_is_not_written(result, to, out, tmp_path, more):
    pushed_by_hand(to, [*files(result).items(), *more])
    with pytest.raises(RegistryError, match=r"has a file that is"):
        pinlite.pull(to, out=out)
    assert [*tmp_path.rglob("*evil*")] == []
    assert not out.exists()


def test_something_else_is_no_result(to, out):
    pushed_by_hand(to, [("model.onnx", b"x")], "application/vnd.other")
    with pytest.raises(UsageError, match=r"is no result of a conversion, but application/vnd\.other"):
        pinlite.pull(to, out=out)


@pytest.mark.parametrize("how", ["half", "short", "wrong", "long", 500, "away"])
def test_a_registry_that_misbehaves_leaves_an_earlier_result_as_it_was(result, to, out, proxy, name, how):
    pinlite.push(result, to)
    pinlite.pull(to, out=out)
    before = files(out)
    proxy.how, proxy.when = how, lambda method, path: method == "GET" and "/blobs/" in path
    with pytest.raises(RegistryError):
        pinlite.pull(f"oci://{proxy.host}/{name}", out=out)
    assert files(out) == before
    assert {path.name for path in out.parent.iterdir()} == {"result", "pulled"}


def test_a_folder_of_something_else_is_left_alone(result, to, out):
    pinlite.push(result, to)
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        pinlite.pull(to, out=out)
    assert files(out) == {"mine.txt": b"mine"}


def test_a_digest_is_nothing_to_push_to(result, to):
    with pytest.raises(UsageError, match="has the digest that it has"):
        pinlite.push(result, f"{to}@sha256:{'0' * 64}")
