"""What release 0.1.0 made, beside this file, stays usable."""

import json
import shutil
from pathlib import Path

import pytest

from pinlite.errors import NotReproducibleError
from pinlite.options import resolve
from pinlite.provenance import lockfile
from pinlite.provenance.lockfile import Recorded
from pinlite.schema.report import Report

MADE = Path(__file__).parents[1] / "made_before" / "0.1.0"


@pytest.fixture
def project():
    """A copy of it, for what runs there."""
    return Path(shutil.copytree(MADE, "made"))


def test_a_signed_folder_is_verified(command, project):
    status, out, err = command("verify", str(project / "stock" / "out"), "--key", str(project / "key.pub"))
    assert (status, err) == (0, "")
    assert "by pinlite 0.1.0" in out


def test_a_signed_folder_that_has_changed_is_told(command, project):
    report = project / "stock" / "out" / "report.json"
    report.write_text(report.read_text().replace('"ok": true', '"ok": false'))
    status, _, err = command("verify", str(project / "stock" / "out"))
    assert (status, "report.json has changed" in err) == (8, True)


def test_its_report_and_its_lock_say_the_same(project):
    text = (project / "stock" / "out" / "report.json").read_text()
    report = Report.model_validate_json(text)
    lock = lockfile.read(project / "stock" / "pinlite.lock")
    assert report.report_schema == "pinlite.report/1"
    assert (lock.lock_schema, lock.pinlite, list(lock.bases)) == ("pinlite.lock/1", "0.1.0", ["python-3.8"])
    assert lock.artifacts == report.lock.artifacts
    assert lock.bases["python-3.8"] == json.loads(text)["lock"]["base"]


def test_its_pinlite_toml_means_what_it_meant(project):
    recipe = resolve({}, project / "stock" / "pinlite.toml")
    assert (recipe.lowering, recipe.opset, recipe.toolchain) == ("stock", 12, "classic")
    assert recipe.options == lockfile.read(project / "stock" / "pinlite.lock").options


@pytest.fixture
def lock(project):
    return lockfile.read(project / "stock" / "pinlite.lock")


def today(lock, **changed):
    """A lock of today that comes to the same, with other images and one more artifact."""
    images = {f"{name}-today": image for name, image in lock.images.items()}
    bases = {**lock.bases, "python-3.11": "sha256:1"}
    made = lock.model_copy(
        update={"lock_schema": "pinlite.lock/2", "pinlite": "0.2.0", "images": images, "bases": bases}
    )
    return made.model_copy(update={"artifacts": {**lock.artifacts, "profiles.npz": "2"}} | changed)


def test_a_lock_holds_what_comes_to_the_same(lock):
    lockfile.hold_given(today(lock), Recorded(lock), {})
    lockfile.hold(today(lock), Recorded(lock))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"artifacts": {}}, "artifacts model.float32.tflite was "),
        ({"images": {}}, "images onnx was true, is false"),
        ({"inputs": {}}, "inputs "),
        ({"bases": {"python-3.8": "sha256:2"}}, "bases python-3.8 was "),
    ],
)
def test_what_differs_is_told_with_the_release_to_install(lock, changed, told):
    with pytest.raises(NotReproducibleError) as raised:
        lockfile.hold(today(lock, **changed), Recorded(lock))
    assert told in raised.value.message
    assert "pip install pinlite==0.1.0" in raised.value.hint
