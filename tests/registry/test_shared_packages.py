"""The packages of locks, which the venv engine pulls in place of images."""

import os
from itertools import count

import pytest
from package_index import lock, wheel
from probes import recipe

from pinlite.engine import VenvEngine
from pinlite.engine.sharing import exchange, packages
from pinlite.engine.sharing import index as signed
from pinlite.engine.sharing.shared import SharedImages, ensured
from pinlite.engine.wheels import Pins, WheelCache
from pinlite.errors import RegistryError
from pinlite.events import FetchStarted, Notice, ignore
from pinlite.registry import Descriptor, Manifest, Reference
from pinlite.registry.repository import Repository

NUMBERS = count()


@pytest.fixture
def repository(registry):
    return Reference(registry.host, f"tests/packages-{next(NUMBERS)}")


@pytest.fixture
def wanted(index):
    index.files = dict(wheel(name, content=os.urandom(9)) for name in ("one", "two"))
    return recipe("probe-packages", requirements_lock=lock(*index.files.items()))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Go to another machine: with another cache, and an index or none."""

    def go(name, *, online=False):
        monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / name))
        if not online:
            monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
        return VenvEngine()

    return go


def test_packages_are_pulled_and_installed_without_an_index(machine, index, wanted, repository, ours):
    pushed = exchange.push(machine("here", online=True), [wanted], repository, ours.key, ignore)
    assert [(entry.of, entry.name) for entry in pushed.packages] == [(Pins.of(wanted).key, "probe-packages")]
    assert index.downloads
    again = exchange.push(machine("here", online=True), [wanted], repository, ours.key, ignore)
    assert (again.packages, again.there) == ((), ("probe-packages",))
    seen = []
    elsewhere = machine("elsewhere")
    found = ensured(elsewhere, [wanted], SharedImages(repository, (ours.public,)), seen.append)
    assert wanted.name in found
    assert not [event for event in seen if isinstance(event, FetchStarted)]
    assert ["images are not pulled" in event.text for event in seen if isinstance(event, Notice)] == [False]


def test_packages_go_by_a_file(machine, wanted, tmp_path, ours):
    file = tmp_path / "packages.tar"
    saved = exchange.save(machine("here", online=True), [wanted], file, ours.key, ignore)
    elsewhere = machine("elsewhere")
    loaded = exchange.load(elsewhere, file, None, ignore)
    assert loaded.packages == saved.packages
    assert wanted.name in elsewhere.ensure([wanted], ignore)


def test_a_file_that_the_lock_does_not_name_is_not_kept(machine, wanted, repository, ours):
    """Not even if a key that is trusted has signed it."""
    exchange.push(machine("here", online=True), [wanted], repository, ours.key, ignore)
    there = Repository(repository)
    (entry,) = signed.own(there, ours.key, "here").packages
    manifest = there.artifact(entry.digest)[1]
    name, data = wheel("one", content=b"wicked")
    wicked = Descriptor.of(data, annotations=dict(manifest.layers[0].annotations))
    there.push(data, wicked)
    evil = there.push_manifest(manifest.model_copy(update={"layers": (wicked, *manifest.layers[1:])}).as_bytes())
    signed.put(there, signed.Index(packages=(entry.model_copy(update={"digest": evil.digest}),)), ours.key)
    elsewhere = machine("elsewhere")
    with pytest.raises(RegistryError, match=r"what .* has as the packages of probe-packages is something else"):
        exchange.pull(elsewhere, [wanted], SharedImages(repository, (ours.public,)), ignore)
    assert not [*WheelCache().root.rglob("*.whl")]
    assert name


@pytest.mark.parametrize("title", ["../one-1-py3-none-any.whl", "..", "two-1-py3-none-any.whl", "one.zip", ""])
def test_a_file_has_the_name_of_its_package(machine, wanted, repository, ours, title):
    exchange.push(machine("here", online=True), [wanted], repository, ours.key, ignore)
    there = Repository(repository)
    (entry,) = signed.own(there, ours.key, "here").packages
    manifest = there.artifact(entry.digest)[1]
    first = next(each for each in manifest.layers if each.annotations["pinlite.package"] == "one")
    named = first.model_copy(update={"annotations": {**first.annotations, packages.TITLE: title}})
    changed = Manifest(config=manifest.config, layers=(named,))
    evil = there.push_manifest(changed.as_bytes())
    signed.put(there, signed.Index(packages=(entry.model_copy(update={"digest": evil.digest}),)), ours.key)
    with pytest.raises(RegistryError, match="is something else"):
        exchange.pull(machine("elsewhere"), [wanted], SharedImages(repository, (ours.public,)), ignore)
