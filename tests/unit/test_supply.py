"""What is told and checked before images are made."""

import os
from dataclasses import replace

import pytest
from package_index import lock, wheel

from pinlite.engine import supply
from pinlite.engine.wheels import Distribution, Pins
from pinlite.errors import ImageError
from pinlite.events import BuildPlanned, ignore
from pinlite.toolchain import bases

BASE = bases.load()["python-3.8"]
# Of images of release 0.1.0's pins, as Docker has them: without the base, in bytes; and the sum of their wheels'.
MEASURED = {
    "torch": (1_682_000_000, [776_818_711, 32_000_000]),
    "tensorflow": (717_000_000, [144_228_772, 46_000_000]),
    "onnx": (107_000_000, [27_000_000]),
    "tflite": (88_000_000, [20_000_000]),
}


def wanted(name="an image"):
    files = dict([wheel("one", content=os.urandom(10_000)), wheel("two")])
    return files, [supply.Wanted(name, Pins(name, lock(*files.items()), BASE))]


def provide(asked, place, observe=ignore):
    with supply.provided(asked, place, observe) as supplies:
        return supplies


def test_it_is_told_before_what_is_fetched_and_how_much_room_it_takes(index, tmp_path):
    index.files, asked = wanted()
    seen = []
    with supply.provided(asked, tmp_path, seen.append) as supplies:
        assert [each.path.read_bytes() for each in supplies["an image"]] == list(index.files.values())
    planned = seen[0]
    assert isinstance(planned, BuildPlanned)
    assert planned.files == 2
    assert planned.room > 4 * sum(map(len, index.files.values()))
    assert planned.free > 0
    seen.clear()
    provide(asked, None, seen.append)
    assert seen == [replace(planned, files=0, to_fetch=0, free=None)]


def test_what_can_not_fit_is_not_begun(index, tmp_path, monkeypatch):
    index.files, asked = wanted()
    monkeypatch.setattr("pinlite.machine.folders.free", lambda _: 15 * 10**6)
    with pytest.raises(
        ImageError, match=r"no room for the images: .* take about 20\.\d+ MB at .* 15\.00 MB are free"
    ) as raised:
        provide(asked, tmp_path)
    assert "pinlite images gc" in raised.value.hint
    assert index.downloads == []
    # Where images are made is not seen: what is fetched has room.
    provide(asked, None)
    assert len(index.downloads) == 2


def test_what_is_here_is_made_without_asking_for_room(index, tmp_path, monkeypatch):
    """The builder may have all of it, too."""
    index.files, asked = wanted()
    provide(asked, tmp_path)
    monkeypatch.setattr("pinlite.machine.folders.free", lambda _: 0)
    assert len(provide(asked, tmp_path)["an image"]) == 2


@pytest.mark.parametrize("name", MEASURED)
def test_the_estimate_is_near_what_was_measured(name):
    measured, sizes = MEASURED[name]
    files = [Distribution(package="a", version="1", filename="a.whl", sha256="0" * 64, size=size) for size in sizes]
    assert 0.9 < supply.installed(files) / measured < 1.2
