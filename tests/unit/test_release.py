"""A release, made of a copy of this checkout."""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("twine", reason="the oldest packages are tried without what makes releases")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A repository with the files of this one, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    copy = tmp_path / "checkout"
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=copy, check=True)
    return copy


def release(checkout, *arguments):
    command = [sys.executable, ".ci/release.py", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def test_a_release_has_its_version_its_changes_and_the_same_bytes_again(checkout):
    done = release(checkout, "9.8.0", "--day", "2026-01-02")
    assert done.returncode == 0, done.stderr
    made = {path.name: path for path in (checkout / "dist").iterdir()}
    assert sorted(made) == ["pinlite-9.8.0-py3-none-any.whl", "pinlite-9.8.0.tar.gz"]
    for name, path in made.items():
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  dist/{name}\n" in done.stdout
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert re.search(r"## \[Unreleased\]\n\n## \[9\.8\.0\] - 2026-01-02\n\n### ", changelog)
    page = (checkout / "docs" / "ci.md").read_text()
    assert page.count("9.8.0") == 6
    assert not re.search(r"0\.2\.0", page)
    with zipfile.ZipFile(made["pinlite-9.8.0-py3-none-any.whl"]) as wheel:
        names = set(wheel.namelist())
    assert {"pinlite/_examples/resnet18.py", "pinlite/_images/Dockerfile", "pinlite/cli/main.py"} <= names
    with tarfile.open(made["pinlite-9.8.0.tar.gz"]) as sdist:
        assert "pinlite-9.8.0/tests/unit/test_release.py" in sdist.getnames()
    # It is not committed yet, so another one has to wait.
    again = release(checkout, "9.9.0")
    assert again.returncode == 1
    assert (
        "commit these first, or remove them:\n M CHANGELOG.md\n M docs/ci.md\n M docs/teams.md\n M pyproject.toml\n"
        in again.stderr
    )


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.0", "1.2.0.dev0"])
def test_what_is_no_version_of_a_release_is_refused(version):
    done = release(ROOT, version)
    assert done.returncode == 1
    assert "is no version" in done.stderr
