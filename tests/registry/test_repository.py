"""The client of registries, with a real one, and with a proxy before it that misbehaves."""

import json
import subprocess
import time
from itertools import count

import pytest
from oci_registry import ANN, basic, sha256

from pinlite.errors import RegistryError
from pinlite.registry import Descriptor, Manifest, Reference
from pinlite.registry.repository import Patience, Repository

NUMBERS = count()
IMPATIENT = Patience(connect=1, silence=1, pace=1000)
BLOB = bytes(range(256)) * 400


@pytest.fixture
def name():
    return f"tests/repository-{next(NUMBERS)}"


@pytest.fixture
def repository(registry, name):
    return Repository(Reference(registry.host, name))


def test_blobs_come_back_as_they_went(repository, tmp_path):
    blob = Descriptor.of(BLOB)
    assert not repository.has(blob)
    assert repository.pull(blob) is None
    assert not repository.pull_file(blob, tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    went, came = [], []
    repository.push(BLOB, blob, went.append)
    assert sum(went) == len(BLOB)
    assert repository.has(blob)
    assert repository.pull(blob) == BLOB
    assert repository.pull_file(blob, tmp_path / "blob", came.append)
    assert (tmp_path / "blob").read_bytes() == BLOB
    assert sum(came) == len(BLOB)


def test_a_file_is_pushed_and_one_that_is_there_is_not_sent(registry, proxy, name, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(BLOB)
    repository = Repository(Reference(proxy.host, name))
    blob = Descriptor.of(file)
    repository.push(file, blob)
    assert registry.blob(sha256(BLOB)).read_bytes() == BLOB
    proxy.asked.clear()
    repository.push(file, blob)
    assert [method for method, _ in proxy.asked] == ["HEAD"]


def test_artifacts_have_tags_and_referrers(repository):
    blob = Descriptor.of(b"content", "text/plain")
    repository.push(b"content", blob)
    made = Manifest(artifact_type="application/x-test", layers=(blob,), annotations={"a": "b"})
    pushed = repository.push_artifact(made, "1.0")
    assert repository.artifact("1.0") == (pushed, made)
    assert repository.artifact(pushed.digest) == (pushed, made)
    assert list(repository.tags()) == ["1.0"]
    assert repository.referrers(pushed) == []
    for kind in ("application/x-one", "application/x-two"):
        repository.push_artifact(Manifest(artifact_type=kind, layers=(blob,), subject=pushed))
    assert {each.artifact_type for each in repository.referrers(pushed)} == {"application/x-one", "application/x-two"}
    assert all(repository.artifact(each.digest)[1].subject == pushed for each in repository.referrers(pushed))


@pytest.fixture
def far(registry, proxy, name):
    """The same repository by way of the proxy, with a blob and an artifact in it."""
    near = Repository(Reference(registry.host, name))
    near.push(BLOB, Descriptor.of(BLOB))
    near.push_artifact(Manifest(artifact_type="application/x-test", layers=(Descriptor.of(BLOB),)), "1.0")
    return Repository(Reference(proxy.host, name), IMPATIENT)


@pytest.mark.parametrize(
    ("how", "said", "may_pass"),
    [
        ("away", "can't be reached", True),
        ("silent", "too slow", True),
        ("dripping", "too slow", True),
        ("half", "can't be reached", True),
        ("short", "sends 51200 of a blob's 102400 bytes", True),
        ("long", "more than the 102400 bytes", False),
        ("wrong", "has another digest", False),
        (500, "500 Internal Server Error: not today", True),
        (403, "403 Forbidden", False),
    ],
)
def test_what_comes_wrongly_is_refused_in_words_and_within_seconds(proxy, far, how, said, may_pass, tmp_path):
    proxy.how = how
    started = time.monotonic()
    with pytest.raises(RegistryError, match=said) as caught:
        far.pull_file(Descriptor.of(BLOB), tmp_path / "blob")
    assert time.monotonic() - started < 5
    assert caught.value.may_pass == may_pass
    assert proxy.host in caught.value.message
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "said"), [("wrong", "another digest"), ("short", "another digest"), (b"{}", "another digest")]
)
def test_a_manifest_is_the_one_that_was_asked_for_by_digest(proxy, far, how, said):
    digest = far.manifest("1.0")[0].digest
    proxy.how = how
    with pytest.raises(RegistryError, match=said):
        far.manifest(digest)


@pytest.mark.parametrize("how", ["wrong", b"[]", b'{"layers": 3}', b'{"layers": [{"mediaType": "x", "size": 1}]}'])
def test_what_a_tag_leads_to_may_be_no_artifact(proxy, far, how):
    proxy.how = how
    with pytest.raises(RegistryError, match="no manifest of an artifact"):
        far.artifact("1.0")


@pytest.mark.parametrize(
    ("how", "said", "hint"),
    [
        (405, "405 Method Not Allowed", "read-only"),
        (507, "507 Insufficient Storage", "make room"),
        (401, "refuses to take a blob", "docker login"),
        (503, "503", "run the same command again"),
        ("silent", "too slow", "run the same command again"),
    ],
)
def test_what_it_does_not_take_is_told(proxy, far, how, said, hint):
    proxy.how, proxy.when = how, lambda method, _: method in ("POST", "PUT")
    with pytest.raises(RegistryError, match=said) as caught:
        far.push(b"more", Descriptor.of(b"more"))
    assert hint in caught.value.hint


def test_a_registry_that_is_not_there():
    with pytest.raises(RegistryError, match=r"can't be reached: .*refused") as caught:
        Repository(Reference("127.0.0.1:9", "tests/x")).manifest("1.0")
    assert caught.value.may_pass


def test_a_read_only_registry(registry, make_registry, name):
    service = make_registry(read_only=True, content=registry.content)
    Repository(Reference(registry.host, name)).push(BLOB, Descriptor.of(BLOB))
    repository = Repository(Reference(service.host, name))
    assert repository.pull(Descriptor.of(BLOB)) == BLOB
    with pytest.raises(RegistryError, match="405 Method Not Allowed"):
        repository.push(b"more", Descriptor.of(b"more"))


def test_only_who_is_known_to_docker_is_let_in(make_registry, name, tmp_path, monkeypatch):
    service = make_registry(users=ANN)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(RegistryError, match="401 Unauthorized") as caught:
        Repository(Reference(service.host, name)).pull(Descriptor.of(BLOB))
    assert f"docker login {service.host}" in caught.value.hint
    (tmp_path / "config.json").write_text(json.dumps({"auths": {service.host: {"auth": basic("ann", "secret")}}}))
    repository = Repository(Reference(service.host, name))
    repository.push(BLOB, Descriptor.of(BLOB))
    assert repository.pull(Descriptor.of(BLOB)) == BLOB
    (tmp_path / "config.json").write_text(json.dumps({"auths": {service.host: {"auth": basic("ann", "wrong")}}}))
    with pytest.raises(RegistryError, match="401 Unauthorized"):
        Repository(Reference(service.host, name)).pull(Descriptor.of(BLOB))


def test_credentials_come_from_dockers_helper(make_registry, name, tmp_path, monkeypatch):
    service = make_registry(users=ANN)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {service.host: "tests"}}))
    helper = tmp_path / "docker-credential-tests"
    answer = json.dumps({"ServerURL": service.host, "Username": "ann", "Secret": "secret"})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    repository = Repository(Reference(service.host, name))
    repository.push(BLOB, Descriptor.of(BLOB))
    assert repository.has(Descriptor.of(BLOB))
    helper.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(RegistryError, match=r"docker's credentials for .* can't be read"):
        Repository(Reference(service.host, name)).has(Descriptor.of(BLOB))


def test_certificates_are_those_that_docker_trusts(make_registry, name, tmp_path, monkeypatch):
    certificate = tmp_path / "registry.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate, "-out", tmp_path / "certificate"),
        ],
        check=True,
        capture_output=True,
    )
    with certificate.open("ab") as both:
        both.write((tmp_path / "certificate").read_bytes())
    service = make_registry(certificate=certificate)
    trusted = tmp_path / "certs.d"
    monkeypatch.setattr("pinlite.registry.credentials._CERTIFICATES", (trusted,))
    with pytest.raises(RegistryError, match="is not trusted") as caught:
        Repository(Reference(service.host, name)).has(Descriptor.of(BLOB))
    assert f"/etc/docker/certs.d/{service.host}/ca.crt" in caught.value.hint
    (trusted / service.host).mkdir(parents=True)
    (trusted / service.host / "ca.crt").write_bytes((tmp_path / "certificate").read_bytes())
    repository = Repository(Reference(service.host, name))
    repository.push(BLOB, Descriptor.of(BLOB))
    assert repository.pull(Descriptor.of(BLOB)) == BLOB
