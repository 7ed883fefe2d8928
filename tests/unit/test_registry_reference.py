"""References to registries, and manifests, as text."""

import pytest

from pinlite.errors import RegistryError, UsageError
from pinlite.registry import EMPTY, Descriptor, Manifest, Reference

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci://registry.example.com/team/images", Reference("registry.example.com", "team/images")),
        ("oci://Registry.Example.com:5000/a.b/c__d", Reference("registry.example.com:5000", "a.b/c__d")),
        ("127.0.0.1:5000/images:1.0", Reference("127.0.0.1:5000", "images", "1.0")),
        ("localhost/images", Reference("localhost", "images")),
        ("oci://server:5000/images", Reference("server:5000", "images")),
        ("[::1]:5000/images", Reference("[::1]:5000", "images")),
        (f"oci://docker.io/team/x:a@{DIGEST}", Reference("docker.io", "team/x", "a", DIGEST)),
    ],
)
def test_references_are_read_and_written(text, expected):
    assert Reference.parse(text) == expected
    assert Reference.parse(str(expected)) == expected
    assert Reference.parse(expected.plain) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "images", "team/images", "oci://", "oci://host/", "oci://host.com", "host.com/Images", "host.com/a//b"),
        *("https://host.com/images", "host.com:99999/images", "host.com:0/images", "host.com/a@sha256:12", "a b.c/d"),
        *("user:password@host.com/images", "host.com/images?x=1", "host.com/../images", f"host.com/{'a' * 256}"),
    ],
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(UsageError, match="no repository of a registry") as caught:
        Reference.parse(text)
    assert "oci://HOST[:PORT]/NAME" in caught.value.hint


def test_only_this_machine_is_loopback():
    assert all(
        Reference(host, "x").is_loopback for host in ("127.0.0.1:5000", "127.8.0.1", "localhost:1", "[::1]:5000")
    )
    assert not any(
        Reference(host, "x").is_loopback for host in ("127.example.com", "localhost.example.com", "10.0.0.1")
    )


def test_parts_of_a_reference():
    reference = Reference("host.com", "team", "1.0", DIGEST)
    assert str(reference.repository) == "oci://host.com/team"
    assert str(reference.below("torch")) == "oci://host.com/team/torch"
    assert str(reference.tagged("2")) == "oci://host.com/team:2"


def test_a_manifest_is_the_same_bytes_each_time_and_reads_itself():
    layer = Descriptor.of(b"content", "text/plain", {"org.opencontainers.image.title": "a"})
    made = Manifest(artifact_type="application/x-test", layers=(layer,), subject=EMPTY, annotations={"a": "b"})
    assert made.as_bytes() == made.as_bytes()
    assert Manifest.read(made.as_bytes(), "here") == made
    assert b'"layers":[]' in Manifest().as_bytes()
    assert b"annotations" not in Manifest().as_bytes()
    assert b"null" not in Manifest().as_bytes()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"layers": [{"digest": "sha256:0", "size": 1, "mediaType": "x"}]}']
)
def test_what_is_no_manifest_is_told(data):
    with pytest.raises(RegistryError, match=r"host.com/x:1 is no manifest of an artifact"):
        Manifest.read(data, "host.com/x:1")
