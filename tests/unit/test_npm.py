"""Packages of npm in an image: what their lock says, and what is taken of their files."""

import base64
import hashlib
import io
import json
import tarfile

import pytest

from pinlite import toolchain
from pinlite.engine.wheels import Distribution, Pins, unpacked
from pinlite.errors import ImageError, UsageError
from pinlite.toolchain import bases, npm


def packed(**files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def lock(content=b"", place="node_modules/@us/ours", **more):
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
    return json.dumps({"packages": {"": {}, place: {"version": "1.2.0", "integrity": integrity, **more}}}).encode()


def pins(content):
    return Pins("web", b"numpy==1.26.4 --hash=sha256:" + b"0" * 64, bases.load()["python-3.11"], npm=lock(content))


def test_a_lock_names_packages_by_their_hashes():
    (ours,) = npm.packages(lock(b"content")).values()
    assert (ours.name, ours.version, ours.filename) == ("@us/ours", "1.2.0", "us-ours-1.2.0.tgz")
    assert npm.packages(b"") == {}


@pytest.mark.parametrize(
    "damaged",
    [
        *(b"[]", b"{", b'{"packages": 1}', lock(integrity="sha1-abc"), lock(version="../1")),
        lock(place="node_modules/a/node_modules/b"),
    ],
)
def test_what_is_no_lock_of_npms_is_refused(damaged):
    with pytest.raises(ValueError, match=r"package-lock.json|Expecting"):
        npm.packages(damaged)


def test_a_damaged_lock_of_an_image_names_its_file(images_data):
    (images_data / "pins" / "litert-js-2.5.3" / npm.LOCK).write_text("{}")
    with pytest.raises(UsageError, match=r"litert-js-2.5.3/package-lock.json: package-lock.json is not as npm"):
        toolchain.with_runtimes(toolchain.load(), ["web"])


def test_files_are_taken_if_they_are_what_the_lock_names(tmp_path):
    content = packed(**{"package/dist/index.js": b"js", "package/../../evil": b"evil", "package/package.json": b"{}"})
    file = tmp_path / "ours.tgz"
    file.write_bytes(content)
    found = unpacked(pins(content), {"@us/ours": file})
    assert found == {"node_modules/@us/ours/dist/index.js": b"js", "node_modules/@us/ours/package.json": b"{}"}
    file.write_bytes(packed(**{"package/dist/index.js": b"other"}))
    with pytest.raises(ImageError, match=r"us-ours-1.2.0.tgz is not what the lock names: its integrity is sha512-"):
        unpacked(pins(content), {"@us/ours": file})


def test_a_lock_of_packages_counts_where_files_are_kept_and_travel():
    ours = pins(b"one")
    assert ours.key not in (pins(b"other").key, Pins(ours.name, ours.lock, ours.base).key)
    assert set(ours.beside({})) == {"numpy", "@us/ours"}
    file = Distribution(package="@us/ours", version="1.2.0", filename="us-ours-1.2.0.tgz", sha256="0" * 64)
    assert ours.allows(file)
    assert not ours.allows(file.model_copy(update={"version": "1.2.1"}))
    assert not ours.allows(file.model_copy(update={"filename": "theirs-1.2.0.tgz"}))


def test_the_image_of_the_browser_has_them_in_its_identity():
    recipe = toolchain.with_runtimes(toolchain.load(), ["web"]).images["litert-js-2.5.3"]
    assert recipe.versions["@litertjs/core"] == "2.5.3"
    on = [recipe.base.with_browser("cpython-3.11", version) for version in ("156.0", "157.0")]
    assert len({recipe.identity(each) for each in on}) == 2
    assert bases.load()["python-3.8"].with_browser("cpython-3.8", "156.0") == "cpython-3.8"
    # No lock names a host.
    assert b"://" not in recipe.npm
