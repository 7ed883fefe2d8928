"""Where a real conversion comes from, on each engine, and that a folder is told from one that was tampered with."""

import json
import shutil

import docker
import pytest
from command import CASES, NETWORK
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pinlite import digest, toolchain


def statement(folder):
    return json.loads((folder / "provenance.json").read_text())


def dependencies(folder):
    resolved = statement(folder)["predicate"]["buildDefinition"]["resolvedDependencies"]
    return {resource["name"]: resource for resource in resolved}


def test_a_conversion_is_as_it_was_made(pinlite, engine, converted):
    folder = converted(*NETWORK, "--engine", engine)
    shown = pinlite.succeeds("verify", folder).out
    assert f"{folder}: 11 files are as they were made\n" in shown
    assert f"(urn:pinlite:engine:{engine})" in shown
    assert "unsigned: " in shown


def test_what_the_export_saw_is_told(engine, converted):
    found = dependencies(converted(*NETWORK, "--engine", engine))
    sources = {name: found[name]["digest"]["sha256"] for name in found if name.startswith("source/")}
    assert sources == {f"source/{name}": digest.of_file(CASES / name) for name in ("sibling.py", "tiny.py")}


def test_docker_images_are_told_by_dockers_id_and_their_base_by_digest(docker_engine, converted, report):
    assert docker_engine.version()
    folder = converted(*NETWORK, "--engine", "docker")
    found = dependencies(folder)
    bases = {recipe.base.name for recipe in toolchain.load().recipes}
    assert {name for name in found if name.startswith("base/")} == {f"base/{name}" for name in bases}
    assert all("sha256" in found[f"base/{name}"]["digest"] for name in bases)
    client = docker.from_env()
    for name, identity in report(folder)["toolchain"].items():
        image = client.images.get(f"pinlite/{name}:{identity[:16]}")
        assert found[f"image/{name}"]["annotations"] == {"dockerImageId": image.id}
    client.close()


@pytest.mark.parametrize("name", ["model.float32.tflite", "saved_model/saved_model.pb"])
def test_a_changed_byte_is_found(pinlite, network, name):
    folder = pinlite.here / "out"
    shutil.copytree(network, folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    said = pinlite.refuses(8, "verify", "out")
    assert f"error: out has changed since its conversion:\n  {name} has changed\n" in said


def test_a_conversion_is_signed(pinlite, any_engine, tmp_path):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    private, *public = (tmp_path / f"{name}.pem" for name in ("key", "public", "other"))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for path, its in zip(public, (key, other), strict=True):
        path.write_bytes(its.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    pinlite.succeeds("convert", *NETWORK, "--engine", any_engine, "--out", "out", "--sign", private)
    assert f"signed by {public[0]}\n" in pinlite.succeeds("verify", "out", "--key", public[0]).out
    assert "is not signed by" in pinlite.refuses(8, "verify", "out", "--key", public[1])
