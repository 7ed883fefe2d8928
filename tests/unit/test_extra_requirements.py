"""``--with``: the versions that are chosen, from an index of the test's own; none of a package's code is run for it."""

from pathlib import Path

import pytest
from package_index import sha256, source, wheel

from pinlite.errors import ImageError, UsageError
from pinlite.events import Notice, ignore
from pinlite.machine import uv
from pinlite.toolchain import ImageRecipe, bases, extra_requirements, with_requirements

NET = wheel("net", "1.7.1")


PYTHON_38, PYTHON_311 = (bases.load()[name] for name in ("python-3.8", "python-3.11"))
SETUP = "from setuptools import setup\nsetup(name='ours', version='2', install_requires=['six'])\n"


def image(file=NET, base=PYTHON_38):
    """An image on a base that has one package."""
    name, data = file
    lock = f"{'=='.join(name.split('-')[:2])} \\\n    --hash=sha256:{sha256(data)}\n"
    return ImageRecipe("export", {"requirements.lock": lock.encode()}, base)


@pytest.fixture
def add(index, tmp_path):
    """What --with adds to an image, from an index that has the image's package and others; ``told`` gets the events."""

    def added(*pinned, has=(), paths=(), before="", to=None, told=None):
        index.files |= dict([NET, *has])

        def fetch(file):
            path = tmp_path / file.filename
            path.write_bytes(index.files[file.filename])
            return path

        asked = extra_requirements.wanted(pinned, tuple(map(Path, paths)), before)
        return extra_requirements.locked(asked, to or image(), fetch, ignore if told is None else told.append)

    return added


def recipe(added):
    return with_requirements(image(), added.lock, added.local)


def folder(name="ours", files=None):
    made = Path(name)
    for path, text in {"setup.py": SETUP, **(files or {})}.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text)
    return made


def refused(add, *pinned, **options):
    with pytest.raises((ImageError, UsageError)) as raised:
        add(*pinned, **options)
    return raised.value


def test_the_lock_holds_the_images_package_and_what_is_added_with_hashes(add):
    timm, six = wheel("timm", "0.4.12", needs=["net", "six"]), wheel("six", "1.16")
    lock = add("timm==0.4.12", has=[timm, six]).lock.decode()
    for name, data in (NET, timm, six):
        assert f"{'=='.join(name.split('-')[:2])} \\\n    --hash=sha256:{sha256(data)}\n" in lock


def test_a_question_is_asked_once_whatever_the_order(add, index):
    has = [wheel("a"), wheel("b")]
    first = add("a==1", "b==1", has=has)
    asked = index.asked
    assert add("b==1", "a==1") == first
    assert index.asked == asked
    add("a==1")
    add("a==1", before="2021-06-01")
    add("a==1", to=image(base=PYTHON_311))
    assert index.asked > asked + 2


def test_what_is_left_open_is_of_the_day_and_what_is_pinned_is_not(add, index):
    old, new, pinned = wheel("six", "1.15"), wheel("six", "1.16"), wheel("timm", "0.4.12", needs=["six"])
    index.uploaded = {new[0]: "2022-03-01", pinned[0]: "2022-03-01", NET[0]: "2024-01-01"}
    assert recipe(add("timm==0.4.12", has=[old, new, pinned], before="2021-12-31")).versions["six"] == "1.15"
    assert recipe(add("timm==0.4.12", before="2022-03-01")).versions["six"] == "1.16"
    assert recipe(add("timm==0.4.12")).versions["six"] == "1.16"
    ours = folder(files={"setup.py": SETUP.replace("'six'", "'six==1.16'")})
    assert recipe(add(paths=[ours], before="2021-12-31")).versions["six"] == "1.16"


def test_what_there_was_not_yet_is_refused_with_the_option_that_helps(add, index):
    six = wheel("six")
    index.uploaded = {six[0]: "2022-03-01"}
    error = refused(add, "timm==1", has=[six, wheel("timm", needs=["six==1"])], before="2021-12-31")
    assert error.hint.startswith("packages are chosen as of 2021-12-31: give a later day, as --with-before 2022-03-01")


def test_an_index_without_days_is_told(add, index):
    index.uploaded = {(six := wheel("six"))[0]: ""}
    error = refused(add, "timm==1", has=[six, wheel("timm", needs=["six"])], before="2021-12-31")
    assert "does not say when files were uploaded: give --with-before any" in error.hint
    assert recipe(add("timm==1")).versions["six"] == "1"


def test_a_package_that_exists_as_source_only_is_locked_without_running_it(add, tmp_path):
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w')"
    deep = source("deep", "0.4", needs=["six"], setup=setup)
    told = []
    added = add("top==1", has=[deep, wheel("top", needs=["deep<0.5"]), wheel("six")], told=told)
    assert f"deep==0.4 \\\n    --hash=sha256:{sha256(deep[1])}\n" in added.lock.decode()
    assert recipe(added).sources == recipe(added).strange_sources == ("deep",)
    assert recipe(added).versions == {"net": "1.7.1", "top": "1", "deep": "0.4", "six": "1"}
    assert not ran.exists()
    assert [event.text for event in told if isinstance(event, Notice)] == [
        "deep-0.4.tar.gz exists as source only: its code runs when it is built"
    ]


def test_a_source_beside_wheels_for_other_pythons_is_not_built(add):
    has = [source("fast", "1"), wheel("fast", tag="cp311-cp311-manylinux_2_28_x86_64")]
    error = refused(add, "fast==1", has=has)
    assert "fast==1 has no wheel for CPython 3.8: give --toolchain current, which has CPython 3.11" in error.hint


def test_a_folder_is_a_part_of_the_image_by_its_content(add):
    ours = folder(files={"ours/__init__.py": "", ".git/HEAD": "a", "ours/__pycache__/a.pyc": "b", "env/pyvenv.cfg": ""})
    (ours / "env" / "lib.py").write_text("c")
    (ours / "env" / "python").symlink_to("/usr/bin/python3")
    first = add(paths=[ours], has=[wheel("six")])
    assert first.local.keys() == {"local/0/package/setup.py", "local/0/package/ours/__init__.py"}
    assert recipe(first).versions == {"net": "1.7.1", "six": "1"}
    assert recipe(first).builds
    assert recipe(first).strange_sources == (), "a folder is the user's own, as a model's file is"
    (ours / ".git" / "HEAD").write_text("changed")
    assert recipe(add(paths=[ours])).identity() == recipe(first).identity()
    (ours / "ours" / "__init__.py").write_text("changed")
    assert recipe(add(paths=[ours])).identity() != recipe(first).identity()


def test_a_pyproject_says_what_it_needs_and_what_builds_it(add):
    text = """
        [build-system]
        requires = ["setuptools>=40", "backend>=2"]
        [project]
        name = "ours"
        version = "1"
        dependencies = ["six"]
        """
    ours = folder(files={"pyproject.toml": text})
    added = recipe(add(paths=[ours], has=[wheel("six"), wheel("backend", "2")]))
    assert added.versions == {"net": "1.7.1", "six": "1", "backend": "2"}, "the base has setuptools"


def test_what_is_decided_by_the_build_is_told(add):
    told = []
    add(paths=[folder(files={"setup.py": SETUP.replace("['six']", "open('r.txt').read()")})], told=told)
    assert [event.text for event in told] == [
        "what ours needs is decided while it is built: add that by --with of its own"
    ]


def test_a_folder_with_a_link_that_leads_out_is_refused(add):
    ours = folder()
    Path("secret").write_text("s")
    (ours / "data.txt").symlink_to(Path("secret").absolute())
    assert "a link that leads out of ours" in str(refused(add, paths=[ours]))


def test_a_wheel_of_ones_own_is_added_with_what_it_needs(add):
    name, data = wheel("ours", "2", needs=["six", "theirs @ https://example.org/theirs.whl"])
    Path(name).write_bytes(data)
    told = []
    added = add(paths=[name], has=[wheel("six")], told=told)
    assert added.local == {f"local/0/{name}": data}
    assert recipe(added).versions == {"net": "1.7.1", "six": "1"}
    assert not recipe(added).builds
    assert "addresses are not followed" in told[0].text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ours.whl", "has no name of a wheel"),
        (".ours-2-py3-none-any.whl", "has no name of a wheel"),
        ("other-2-py3-none-any.whl", "holds ours 2"),
        ("ours-3-py3-none-any.whl", "holds ours 2"),
        ("ours-2-cp39-cp39-linux_x86_64.whl", "for another Python or platform than CPython 3.8"),
        ("ours-2-py3-none-win_amd64.whl", "for another Python or platform"),
    ],
)
def test_a_wheel_that_is_not_what_its_name_says_or_is_for_others_is_refused(add, name, says):
    Path(name).write_bytes(wheel("ours", "2")[1])
    assert says in str(refused(add, paths=[name]))


def test_a_package_is_given_once(add):
    name, data = wheel("ours", "2")
    Path(name).write_bytes(data)
    assert "--with gives ours twice" in str(refused(add, paths=[name, folder()]))


@pytest.mark.parametrize("content", [b"", b"no zip", wheel("ours", "2")[1][:200]])
def test_a_damaged_wheel_is_refused(add, content):
    Path("ours-2-py3-none-any.whl").write_bytes(content)
    assert "is not a wheel" in str(refused(add, paths=["ours-2-py3-none-any.whl"]))


def test_a_file_of_requirements_holds_by_its_pins_and_hashes(add, index):
    good, other = wheel("a", "1"), wheel("a", "1", content=b"other", tag="py38-none-any")
    index.uploaded = {(new := wheel("open", "2"))[0]: "2022-01-01", good[0]: "2022-01-01"}
    Path("r.txt").write_text(f"# ours\na==1 \\\n  --hash=sha256:{sha256(good[1])}  # why\nopen>=1\n")
    added = add(paths=["r.txt"], has=[good, other, wheel("open", "1"), new], before="2021-12-31")
    assert recipe(added).versions == {"net": "1.7.1", "a": "1", "open": "1"}
    assert f"a==1 \\\n    --hash=sha256:{sha256(good[1])}\nnet" in added.lock.decode()
    Path("r.txt").write_text(f"a==1 --hash=sha256:{'0' * 64}\n")
    assert "no file of a==1 with a hash that --with allows" in str(refused(add, paths=["r.txt"]))


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "--index-url http://example.org",
        "-e .",
        "./ours",
        "a @ file:///etc",
        "git+https://e.org/a",
        "a=1",
    ],
)
def test_a_line_that_is_no_requirement_is_refused_by_its_text(add, line):
    Path("r.txt").write_text(f"six\n{line}\n")
    assert line in str(refused(add, paths=["r.txt"]))


def test_another_version_of_what_the_image_has_is_refused(add):
    assert "export has net 1.7.1: leave net out" in refused(add, "net==2", has=[wheel("net", "2")]).hint


def test_what_does_not_exist_is_refused_and_asked_again(add):
    assert "six==9" in str(refused(add, "six==9", has=[wheel("six", "1")]))
    assert recipe(add("six==9", has=[wheel("six", "9")])).versions["six"] == "9"


def test_an_index_that_is_not_reached_is_asked_again_and_no_fault_of_the_versions(add, monkeypatch):
    def break_off(*_):
        raise uv.UvError("error sending request for url (http://127.0.0.1:1/simple/timm/)")

    monkeypatch.setattr("pinlite.machine.retries.PAUSES", (0.01, 0.02))
    monkeypatch.setattr(uv, "run", break_off)
    told = []
    assert "check the connection" in refused(add, "timm==0.4.12", told=told).hint
    assert [event.text.rpartition("; ")[2] for event in told] == ["tried again in 0.01 s", "tried again in 0.02 s"]
