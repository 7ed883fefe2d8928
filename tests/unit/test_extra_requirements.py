from pathlib import Path

import pytest

from pinlite.errors import ImageError
from pinlite.events import ignore
from pinlite.machine import uv
from pinlite.toolchain import ImageRecipe, bases, extra_requirements


@pytest.fixture
def image():
    """An image that stands on a base, by what its lock holds."""

    def having(lock, base="python-3.8"):
        return ImageRecipe("export", {"requirements.lock": lock}, bases.load()[base])

    return having


@pytest.fixture
def resolver(monkeypatch):
    """Stands for uv, which would ask an index: what it was asked for, and a lock of that."""
    asked = []

    def run(*arguments):
        *_, base, wanted = arguments
        asked.append((Path(base).read_text(), Path(wanted).read_text(), arguments))
        lock = arguments[arguments.index("--output-file") + 1]
        Path(lock).write_text(Path(base).read_text() + Path(wanted).read_text() + f"# answer {len(asked)}\n")
        return ""

    monkeypatch.setattr(uv, "run", run)
    return asked


def test_the_lock_holds_base_and_requirements_with_hashes(resolver, image):
    lock = extra_requirements.locked(("timm==0.4.12", "einops==0.3.0"), image(b"torch==1.7.1\n"), ignore)
    assert lock.decode().splitlines()[:3] == ["torch==1.7.1", "einops==0.3.0", "timm==0.4.12"]
    (_, _, arguments) = resolver[0]
    assert "--generate-hashes" in arguments
    assert arguments[arguments.index("--python-version") + 1] == "3.8"


def test_a_question_is_asked_once_whatever_the_order(resolver, image):
    first = extra_requirements.locked(("a==1", "b==2"), image(b"torch==1.7.1\n"), ignore)
    assert extra_requirements.locked(("b==2", "a==1"), image(b"torch==1.7.1\n"), ignore) == first
    assert len(resolver) == 1


def test_another_lock_requirement_or_base_is_another_question(resolver, image):
    extra_requirements.locked(("a==1",), image(b"torch==1.7.1\n"), ignore)
    extra_requirements.locked(("a==2",), image(b"torch==1.7.1\n"), ignore)
    extra_requirements.locked(("a==1",), image(b"torch==1.7.0\n"), ignore)
    extra_requirements.locked(("a==1",), image(b"torch==1.7.0\n", base="python-3.11"), ignore)
    assert len(resolver) == 4
    assert [each[each.index("--python-version") + 1] for *_, each in resolver] == ["3.8", "3.8", "3.8", "3.11"]


def test_what_can_not_be_added_is_an_image_error_and_is_asked_again(monkeypatch, resolver, image):
    answering = uv.run

    def refuse(*_):
        raise uv.UvError("timm==9 does not exist")

    monkeypatch.setattr(uv, "run", refuse)
    with pytest.raises(ImageError) as raised:
        extra_requirements.locked(("timm==9",), image(b"torch==1.7.1\n"), ignore)
    assert "timm==9 does not exist" in str(raised.value)
    assert raised.value.hint
    monkeypatch.setattr(uv, "run", answering)
    assert extra_requirements.locked(("timm==9",), image(b"torch==1.7.1\n"), ignore)
    assert len(resolver) == 1


def test_an_index_that_is_not_reached_is_asked_again_and_no_fault_of_the_versions(monkeypatch, image):
    def break_off(*_):
        raise uv.UvError("error sending request for url (http://127.0.0.1:1/simple/timm/)")

    monkeypatch.setattr("pinlite.machine.retries.PAUSES", (0.01, 0.02))
    monkeypatch.setattr(uv, "run", break_off)
    told = []
    with pytest.raises(ImageError) as raised:
        extra_requirements.locked(("timm==0.4.12",), image(b"torch==1.7.1\n"), told.append)
    assert "check the connection" in raised.value.hint
    assert [event.text.rpartition("; ")[2] for event in told] == ["tried again in 0.01 s", "tried again in 0.02 s"]
