"""Images that one engine has, and another one pulls, through a real registry, or loads from a file."""

import json
from itertools import count

import pytest
from probes import recipe, result

from pinlite.engine.sharing import exchange, index, transfers
from pinlite.engine.sharing.index import KIND, Entry, Index
from pinlite.engine.sharing.shared import SharedImages, ensured
from pinlite.errors import ImageError, RegistryError, TamperedError, UsageError
from pinlite.events import BuildStarted, Notice, TransferFinished, ignore
from pinlite.registry import Descriptor, Manifest, Reference
from pinlite.registry.repository import Repository
from pinlite.registry.session import Patience
from pinlite.toolchain import with_requirements
from pinlite.trust import envelope
from pinlite.trust.keys import TrustedKeys, key_id

NUMBERS = count()


@pytest.fixture
def empty(registry):
    """A repository that no other test has."""
    return Reference(registry.host, f"tests/images-{next(NUMBERS)}")


@pytest.fixture(scope="module")
def pushed(registry, built, probe_recipe, ours, tmp_path_factory):
    """A repository with the probe's image, and the base that it stands on."""
    to = Reference(registry.host, "tests/images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PINLITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = exchange.push(built, [probe_recipe], to, ours.key, ignore)
    assert {entry.name for entry in made.images} == {"probe-shared", "base-python-3.8"}
    return to


def from_(reference, key):
    return SharedImages(reference, (key.public,))


def test_an_image_is_pulled_in_place_of_being_built(pushed, built, elsewhere, probe_recipe, ours, job):
    seen = []
    image = ensured(elsewhere, [probe_recipe], from_(pushed, ours), seen.append)[probe_recipe.name]
    assert not [event for event in seen if isinstance(event, BuildStarted | Notice)]
    assert [event.done for event in seen if isinstance(event, TransferFinished)] == [f"pulled 2 images from {pushed}"]
    assert image == built.find([probe_recipe])[probe_recipe.name]
    assert image.id
    with elsewhere.start(job(image)) as worker:
        worker.ready()
        assert result(worker, "echo", value=3) == {"value": 3}
    assert list(transfers.half_moved().parent.iterdir()) == [transfers.half_moved().with_suffix(".guard")]
    # What stands on it is built here, and nothing below it anew.
    assert elsewhere.base(probe_recipe.base) == probe_recipe.base.local
    seen.clear()
    added = with_requirements(probe_recipe, probe_recipe.lock)
    assert ensured(elsewhere, [added], from_(pushed, ours), seen.append)[added.name]
    assert [event.image for event in seen if isinstance(event, BuildStarted)] == [added.name]


def test_what_is_there_is_not_pushed_again(pushed, built, probe_recipe, ours):
    again = exchange.push(built, [probe_recipe], pushed, ours.key, ignore)
    assert (again.images, sorted(again.there)) == ((), ["base-python-3.8", "probe-shared"])


def test_each_key_has_an_index_of_its_own(empty, ours, theirs):
    there = Repository(empty)
    entries = {
        key: Entry(of=name, name=name, digest=f"sha256:{'0' * 64}", size=1)
        for key, name in ((ours, "a"), (theirs, "b"))
    }
    for key, entry in entries.items():
        index.put(there, index.own(there, key.key, "here").with_([entry], []), key.key)
    for key, entry in entries.items():
        assert index.own(there, key.key, "here").images == (entry,)
        assert index.believed(there, TrustedKeys.of([key.public]), "here").images == {entry.of: entry}
    both = index.believed(there, TrustedKeys.of([ours.public, theirs.public]), "here")
    assert set(both.images) == {"a", "b"}
    assert sorted(there.tags()) == sorted(f"index-{key_id(key.key.public_key())[:16]}" for key in entries)


def test_what_nobody_signed_who_is_trusted_is_not_pulled(pushed, elsewhere, probe_recipe, theirs, ours):
    with pytest.raises(TamperedError, match="no key that you trust has signed") as caught:
        exchange.pull(elsewhere, [probe_recipe], from_(pushed, theirs), ignore)
    assert key_id(ours.key.public_key())[:16] in caught.value.message
    assert elsewhere.images() == []


def test_an_image_of_another_version_is_not_there(pushed, elsewhere, ours):
    other = recipe("probe-shared", programs_more=b"")
    assert exchange.pull(elsewhere, [other], from_(pushed, ours), ignore) == ["probe-shared"]
    assert elsewhere.images() == []


@pytest.mark.parametrize(
    ("how", "where", "said"),
    [
        ("away", "", "can't be reached"),
        ("silent", "", "too slow"),
        (500, "", "500"),
        (403, "", "403"),
        ("silent", "/blobs/", "too slow"),
        ("half", "/blobs/", "can't be reached"),
        ("short", "/blobs/", "bytes"),
        ("wrong", "/blobs/", "another digest"),
        ("long", "/blobs/", "more than"),
        ("wrong", "/manifests/sha256", "another digest"),
        ("wrong", "/manifests/index", "no manifest"),
        (404, "/manifests/sha256", "does not have the"),
        (404, "/blobs/", "lacks"),
    ],
)
def test_a_registry_that_misbehaves_brings_no_image(
    pushed, proxy, elsewhere, probe_recipe, ours, monkeypatch, how, where, said
):
    monkeypatch.setattr(exchange, "_PATIENCE", Patience(connect=1, silence=1, pace=1000))
    proxy.how, proxy.when = how, lambda _, path: where in path
    told = []
    monkeypatch.setattr(elsewhere, "ensure", lambda *_: {"built": "here"})
    shared = from_(Reference(proxy.host, pushed.name), ours)
    assert ensured(elsewhere, [probe_recipe], shared, told.append) == {"built": "here"}
    (warning,) = [event.text for event in told if isinstance(event, Notice)]
    assert said in warning
    assert f"images are not pulled from oci://{proxy.host}/tests/images, but made here" in warning
    assert elsewhere.images() == []
    assert elsewhere.parts() == []


def test_where_nothing_can_be_pulled_it_is_built(elsewhere, built, probe_recipe, ours, second_daemon, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("DOCKER_HOST")
        second_daemon.load([built.base(probe_recipe.base)])
    seen = []
    away = from_(Reference("127.0.0.1:9", "tests/images"), ours)
    assert probe_recipe.name in ensured(elsewhere, [probe_recipe], away, seen.append)
    assert len([event for event in seen if isinstance(event, Notice)]) == 1
    assert [event.image for event in seen if isinstance(event, BuildStarted)] == [probe_recipe.name]


def test_an_index_that_was_changed_is_told(empty, elsewhere, probe_recipe, ours, theirs):
    """The right tag, and another's signature; or the right signature, of something else."""
    tag = f"index-{key_id(ours.key.public_key())[:16]}"
    there = Repository(empty)
    entry = Entry(
        of=probe_recipe.identity(probe_recipe.base.local_identity), name="x", digest=f"sha256:{'0' * 64}", size=1
    )
    payload = Index(images=(entry,)).as_bytes()
    lines = [
        envelope.sign(payload, KIND, theirs.key),
        envelope.sign(payload, "application/vnd.in-toto+json", ours.key),
        envelope.sign(b"{}x", KIND, ours.key),
        envelope.sign(payload, KIND, ours.key).replace("eyJ", "eyI"),
    ]
    for line in lines:
        blob = Descriptor.of(line.encode(), "application/vnd.dsse.envelope.v1+json")
        there.push(line.encode(), blob)
        there.push_artifact(Manifest(artifact_type=KIND, layers=(blob,)), tag)
        with pytest.raises(TamperedError, match="is not what its key has signed"):
            exchange.pull(elsewhere, [probe_recipe], from_(empty, ours), ignore)


def test_an_image_that_was_signed_as_another_is_not_taken(pushed, elsewhere, ours):
    """Whoever signs may be wrong, too: the image itself says what it is."""
    there = Repository(pushed)
    base = next(entry for entry in index.own(there, ours.key, "here").images if entry.name.startswith("base"))
    other = recipe("probe-other")
    identity = other.identity(other.base.local_identity)
    index.put(
        there,
        index.own(there, ours.key, "").with_([base.model_copy(update={"of": identity, "name": "x"})], []),
        ours.key,
    )
    with pytest.raises(ImageError, match="what has come as probe-other is another image"):
        exchange.pull(elsewhere, [other], from_(pushed, ours), ignore)
    assert elsewhere.find([other]) == {}


def test_a_read_only_registry_takes_nothing(make_registry, registry, built, probe_recipe, ours):
    read_only = make_registry(read_only=True, content=registry.content)
    with pytest.raises(RegistryError, match="405"):
        exchange.push(built, [probe_recipe], Reference(read_only.host, "tests/read-only"), ours.key, ignore)


@pytest.fixture(scope="module")
def saved(built, probe_recipe, ours, tmp_path_factory):
    file = tmp_path_factory.mktemp("saved") / "images.tar"
    exchange.save(built, [probe_recipe], file, ours.key, ignore, with_packages=False)
    return file


def test_an_image_goes_by_a_file(saved, elsewhere, probe_recipe, ours, theirs):
    with pytest.raises(TamperedError, match="no key that you trust"):
        exchange.load(elsewhere, saved, TrustedKeys.of([theirs.public]), ignore)
    loaded = exchange.load(elsewhere, saved, TrustedKeys.of([ours.public]), ignore)
    assert {entry.name for entry in loaded.images} == {"probe-shared", "base-python-3.8"}
    assert probe_recipe.name in elsewhere.find([probe_recipe])
    again = exchange.load(elsewhere, saved, None, ignore)
    assert (again.images, len(again.there)) == ((), 2)


@pytest.mark.nightly
def test_a_file_is_an_oci_layout_and_the_same_each_time(saved, built, probe_recipe, ours, tmp_path):
    exchange.save(built, [probe_recipe], tmp_path / "again.tar", ours.key, ignore, with_packages=False)
    assert (tmp_path / "again.tar").read_bytes() == saved.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.tar"]


def test_a_damaged_file_is_refused(saved, elsewhere, ours, tmp_path):
    data = bytearray(saved.read_bytes())
    damaged = tmp_path / "damaged.tar"
    for at in (len(data) // 2, data.rindex(b"sha256:") + 9):
        changed = data.copy()
        changed[at] ^= 1
        damaged.write_bytes(changed)
        with pytest.raises((RegistryError, UsageError)):
            exchange.load(elsewhere, damaged, TrustedKeys.of([ours.public]), ignore)
    for length in (0, 100, len(data) // 2):
        damaged.write_bytes(data[:length])
        with pytest.raises((RegistryError, UsageError)):
            exchange.load(elsewhere, damaged, TrustedKeys.of([ours.public]), ignore)
    damaged.write_text(json.dumps({}))
    with pytest.raises(UsageError, match="no file of images"):
        exchange.load(elsewhere, damaged, None, ignore)
    assert elsewhere.images() == []


def test_what_others_put_in_the_place_of_an_index_is_replaced(empty, built, probe_recipe, ours, monkeypatch, tmp_path):
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path))
    there = Repository(empty)
    blob = Descriptor.of(b"{}", "application/vnd.dsse.envelope.v1+json")
    there.push(b"{}", blob)
    there.push_artifact(Manifest(artifact_type=KIND, layers=(blob,)), f"index-{key_id(ours.key.public_key())[:16]}")
    told = []
    monkeypatch.setattr("pinlite.engine.sharing.pushing.here", lambda *_: [])
    exchange.push(built, [probe_recipe], empty, ours.key, told.append)
    assert "is not what its key has signed" in told[0].text
    assert "a new one takes its place" in told[0].text
