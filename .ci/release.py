"""Make a release: its version and its section of CHANGELOG.md, and a wheel and an sdist in dist/ that are built twice
to the same bytes, the second time from the sdist alone. Nothing is committed or uploaded: the last line says what is
left to do.
"""

import argparse
import datetime as dt
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
DECLARED = re.compile(r'(?<=^version = ")[^"]+(?="$)', re.MULTILINE)
# What pages say to install.
PAGES = ("ci.md", "teams.md")
SHOWN = re.compile(r'(pinlite@v|pinlite/v|rev: v|pinlite==|PINLITE_VERSION: ")\d+\.\d+\.\d+\w*')
UNRELEASED = "## [Unreleased]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--day", default=dt.datetime.now(dt.UTC).date().isoformat())
    asked = parser.parse_args()
    if not VERSION.fullmatch(asked.version):
        sys.exit(f"error: {asked.version!r} is no version: e.g. 1.2.0 or 1.2.0rc1")
    if changed := output("git", "status", "--porcelain"):
        # An sdist has every file that git does not ignore.
        sys.exit(f"error: commit these first, or remove them:\n{changed}")
    write(asked.version, asked.day)
    made, again = ROOT / "dist", Path(tempfile.mkdtemp())
    shutil.rmtree(made, ignore_errors=True)
    build(ROOT, made)
    with tarfile.open(next(made.glob("*.tar.gz"))) as sdist:
        sdist.extractall(again, filter="data")
    build(next(again.iterdir()), again / "dist")
    digests = {path.name: digest(path) for path in sorted(made.iterdir())}
    if digests != {path.name: digest(path) for path in sorted((again / "dist").iterdir())}:
        sys.exit(f"error: the sdist builds to other bytes: compare {made} and {again / 'dist'}")
    shutil.rmtree(again)
    run(ROOT, BIN / "twine", "check", "--strict", *sorted(made.iterdir()))
    for name, sha256 in digests.items():
        print(f"{sha256}  dist/{name}")
    print(f"now: git commit -am 'Release {asked.version}'; git tag v{asked.version}; twine upload dist/*")


def write(version: str, day: str) -> None:
    """Put the version into pyproject.toml and the docs of CIs, and what is unreleased in CHANGELOG.md under it."""
    changelog, project = ROOT / "CHANGELOG.md", ROOT / "pyproject.toml"
    before, _, after = changelog.read_text().partition(UNRELEASED)
    if not re.match(r"\s*### ", after):
        sys.exit(f"error: {changelog.name} has nothing below {UNRELEASED.strip()!r}")
    if f"## [{version}]" in after:
        sys.exit(f"error: {changelog.name} has {version} already")
    changelog.write_text(f"{before}{UNRELEASED}\n## [{version}] - {day}\n{after}")
    project.write_text(DECLARED.sub(version, project.read_text(), count=1))
    for page in (ROOT / "docs" / name for name in PAGES):
        page.write_text(SHOWN.sub(rf"\g<1>{version}", page.read_text()))


def build(source: Path, target: Path) -> None:
    run(source, BIN / "hatchling", "build", "-d", target)


def run(where: Path, *command: object) -> None:
    done = subprocess.run([*map(str, command)], cwd=where, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command[:2]))} fails:\n{done.stdout}{done.stderr}")


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
