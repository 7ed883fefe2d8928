"""What every image is held to: pinned, hash-locked, unprivileged."""

import re
from pathlib import Path

import pytest

from pinlite import toolchain
from pinlite.toolchain import bases, environments

IMAGES = Path(__file__).parents[2] / "images"
DOCKERFILE = IMAGES / "Dockerfile"
LOCKS = sorted(IMAGES.glob("pins/*/requirements.lock"))

PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """A Dockerfile as (instruction, its words), comments gone and continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(name.upper(), " ".join(words.split())) for name, words in found]


def values(dockerfile: Path, instruction: str) -> list[str]:
    return [words for name, words in instructions(dockerfile) if name == instruction]


def unpinned_packages(command: str) -> list[str]:
    """The Debian packages that a shell command installs without a version."""
    installs = re.findall(r"\bapt(?:-get)?\b[^&|;]*?\binstall\b([^&|;]*)", command)
    return [word for words in installs for word in words.split() if not word.startswith("-") and "=" not in word]


def requirements(file: Path) -> list[str]:
    """The requirements of a file, comments gone and continued lines joined."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    return [" ".join(line.split()) for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def pins(file: Path) -> dict[str, str]:
    """Name to version; files that it includes with -r count as its own."""
    found = {}
    for requirement in requirements(file):
        if requirement.startswith("-r "):
            found |= pins(file.parent / requirement.removeprefix("-r "))
        else:
            pin = PIN.match(requirement)
            assert pin, f"{file}: {requirement!r} is not pinned with =="
            found[re.sub(r"[-_.]+", "-", pin[1]).lower()] = pin[2]
    return found


@pytest.fixture(params=LOCKS, ids=lambda path: path.parent.name)
def lock(request):
    return request.param


def test_all_pins_are_of_images_bases_or_overlays():
    recipes = {recipe.name: recipe for recipe in toolchain.every_recipe()}
    overlays = {row.overlay for row in environments.rows() if row.overlay}
    assert {path.name for path in (IMAGES / "pins").iterdir()} == {*recipes, *bases.load(), *overlays}


def test_base_is_an_argument_or_a_digest():
    bases = values(DOCKERFILE, "FROM")
    assert bases
    for base in bases:
        assert base == "${BASE}" or re.fullmatch(r"\S+@sha256:[0-9a-f]{64}( AS \S+)?", base)
    assert "BASE" in values(DOCKERFILE, "ARG"), "a default would be an unpinned base"


def test_pip_installs_only_what_has_a_hash():
    """The user's own packages are named by their digests: they are part of the image's identity."""
    pip = [words for words in values(DOCKERFILE, "RUN") if re.search(r"\bpip3? .*\b(install|download|wheel)\b", words)]
    (run,) = pip
    installs = re.findall(r"\binstall ([^;&]*)", run.partition("; } &&")[2])
    assert len(installs) == 3
    for install in (each.strip() for each in installs):
        assert install == "local/*/*" or re.search(r"--require-hashes --requirement \S+\.lock$", install)


def test_nothing_else_is_fetched():
    for words in values(DOCKERFILE, "RUN"):
        assert not unpinned_packages(words)
        assert not re.search(r"\b(curl|wget|git|conda|uv)\b|://", words)
    assert not values(DOCKERFILE, "ADD")


def test_the_classic_builder_can_build_it():
    assert all(not re.search(r"<<|--mount|--chmod", words) for _, words in instructions(DOCKERFILE))


def test_it_runs_unprivileged():
    assert values(DOCKERFILE, "USER")[-1] == "1000:1000"


def test_its_entry_point_is_the_worker():
    assert values(DOCKERFILE, "ENTRYPOINT") == ['["python", "-m", "stagekit"]']


def test_programs_come_after_packages():
    steps = [words for name, words in instructions(DOCKERFILE) if name in ("COPY", "RUN")]
    packages = next(number for number, words in enumerate(steps) if "pip install" in words)
    assert steps.index("programs ./") > packages


@pytest.mark.parametrize(
    ("command", "unpinned"),
    [
        ("apt-get update && apt-get install -y libgomp1", ["libgomp1"]),
        ("apt -q install libgomp1=12.2.0-14 curl; true", ["curl"]),
        ("apt-get install -y --no-install-recommends libgomp1=12.2.0-14", []),
        ("apt-get install -y libgomp1=12.2.0-14 && rm -r /var/lib/apt/lists", []),
    ],
)
def test_unpinned_apt_is_told_from_pinned(command, unpinned):
    assert unpinned_packages(command) == unpinned


def test_every_locked_requirement_has_a_hash(lock):
    assert requirements(lock)
    for requirement in requirements(lock):
        pin, *hashes = re.sub(r" ; [^-]*", " ", requirement).split(" ")
        assert PIN.fullmatch(pin), requirement
        assert hashes, requirement
        assert all(HASH.fullmatch(word) for word in hashes), requirement


def test_locks_name_no_host_and_no_path(lock):
    text = lock.read_text()
    assert "/" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|\.(org|com|io)\b", text)


def test_locks_hold_what_was_asked_for(lock):
    asked = pins(lock.parent / "requirements.in")
    assert asked
    assert {name: pins(lock).get(name) for name in asked} == asked


@pytest.mark.parametrize(
    "recipe", [each for each in toolchain.every_recipe() if each.parent], ids=lambda each: each.name
)
def test_an_image_agrees_with_the_one_that_it_is_from(recipe):
    below, above = recipe.parent.versions, recipe.versions
    assert {name: above.get(name) for name in below} == below


@pytest.mark.parametrize("recipe", toolchain.every_recipe(), ids=lambda each: each.name)
def test_an_image_agrees_with_its_base(recipe):
    """But for what it asks for itself."""
    base = pins(IMAGES / "pins" / recipe.base.name / "requirements.lock") | pins(
        IMAGES / "pins" / recipe.name / "requirements.in"
    )
    assert {name: version for name, version in recipe.versions.items() if base.get(name, version) != version} == {}


@pytest.mark.parametrize("recipe", toolchain.every_recipe(), ids=lambda each: each.name)
def test_what_exists_as_source_only_is_in_the_lock(recipe):
    assert set(recipe.sources) <= set(recipe.versions)
