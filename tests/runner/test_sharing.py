"""Results that machines share in a registry: who is believed, and a registry that is away, slow, full or lies."""

import itertools
import json
import tempfile
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from machines import IMPATIENT, RECIPES, Machine, Staying, trusting
from oci_registry import misbehaving, sha256
from runner_conformance import LIMITS, RunnerConformance, copied, echo, stage

from pinlite.engine import warm
from pinlite.registry import Descriptor, Reference
from pinlite.registry.repository import Repository
from pinlite.runner import LocalRunner
from pinlite.runner.protocol import Done
from pinlite.runner.pushing import PushBounds
from pinlite.runner.sharing import Bounds, may_sign, standing
from pinlite.stages.stage import Action, Answer
from pinlite.store.remote import ENVELOPE, Place
from pinlite.trust import envelope
from pinlite.trust.keys import key_id

NUMBERS = itertools.count()
CI, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
BYTES = bytes(range(256)) * 64


def folder() -> Action[Answer]:
    return Action(stage("make", "folder"), Answer, {}, {"folder": "folder"})


@pytest.fixture
def given(tmp_path):
    (tmp_path / "given.npz").write_bytes(BYTES)
    return copied(a=tmp_path / "given.npz")


@pytest.fixture
def name():
    return f"tests/sharing-{next(NUMBERS)}"


@pytest.fixture(scope="session")
def here(venv):
    with LocalRunner(lambda: venv, RECIPES, LIMITS) as runner:
        yield Staying(runner)


@pytest.fixture
def machine(here, registry, tmp_path, name):
    """Makes machines: ``signing`` with CI's key, or only reading; both believe CI alone."""
    numbers = itertools.count()

    def make(host="", behind=here, **options):
        reference = Reference(host or registry.host, name)
        return Machine(behind, tmp_path / f"machine-{next(numbers)}", reference, **{"trusted": (CI,)} | options)

    return make


@pytest.fixture
def shared(machine, given):
    """CI has made the files and the folder."""
    ci = machine(signing=CI)
    for action in (given, folder()):
        ci.run(action)
    assert (
        ci.told
        == [
            f"0 results came from {ci.reference}, 1 result went there",
        ]
        * 2
    )
    return ci


class TestCachingWithARegistry(RunnerConformance):
    @pytest.fixture
    def runner(self, machine, venv, run_id):
        yield machine(signing=CI, behind=LocalRunner(lambda: venv, RECIPES, LIMITS)).runner()
        run_id(venv)


@pytest.mark.nightly
class TestCachingWithARegistryThatIsAway(RunnerConformance):
    @pytest.fixture
    def runner(self, machine, venv, run_id):
        yield machine("127.0.0.1:1", signing=CI, behind=LocalRunner(lambda: venv, RECIPES, LIMITS)).runner()
        run_id(venv)


@pytest.mark.usefixtures("shared")
def test_what_one_machine_made_another_one_takes_and_keeps(machine, given):
    laptop = machine()
    done, files = laptop.run(given)
    assert (done.source, files, done.record.signed_by) == ("hit", {"a": BYTES}, key_id(CI.public_key()))
    again, files = replace(laptop, reference=Reference("127.0.0.1:1", "away")).run(given)
    assert (again.source, files) == ("hit", {"a": BYTES})
    assert again.record == done.record
    assert laptop.told == [f"1 result came from {laptop.reference}, 0 results went there"]


@pytest.mark.usefixtures("shared")
def test_folders_and_results_without_files_are_shared_too(machine):
    done, files = machine().run(folder())
    assert (done.source, files) == ("hit", {"folder": {"file": b"made"}})
    machine(signing=CI).run(echo(7))
    done, _ = machine().run(echo(7))
    assert (done.source, done.result.number) == ("hit", 7)


@pytest.mark.usefixtures("shared")
def test_what_is_here_is_not_fetched(machine, given, proxy):
    laptop = machine(proxy.host)
    with laptop.store.committing():
        laptop.store.put(given.inputs["a"].path)
    laptop.run(given)
    sha256 = given.inputs["a"].sha256
    assert [path for _, path in proxy.asked if sha256 in path] == []


def test_without_a_key_nothing_goes_there(machine, given):
    machine().run(given)
    assert [*Repository(machine().reference).tags()] == []
    assert machine().run(given)[0].source == "ran"


@pytest.mark.usefixtures("shared")
def test_a_second_push_sends_nothing(machine, given, proxy):
    again = machine(proxy.host, signing=CI)
    again.run(given, refresh=("copied",))
    assert {method for method, _ in proxy.asked} == {"GET"}


def test_a_failed_stage_is_not_shared(machine):
    with pytest.raises(Exception, match="crashing"), machine(signing=CI).runner() as runner:
        runner.run(Action(stage("leave", "crashing"), Answer, {"status": 41}, {}))
    assert [*Repository(machine().reference).tags()] == []


def test_what_changed_meanwhile_is_not_shared(machine, tmp_path):
    (tmp_path / "given").write_bytes(b"before")
    action = copied(a=tmp_path / "given")
    (tmp_path / "given").write_bytes(b"afterwards")
    ci = machine(signing=CI)
    ci.run(action)
    assert "changed while copied ran: its result is not kept" in ci.told[0]
    assert [*Repository(machine().reference).tags()] == []


# Who is believed.


def test_a_record_that_nobody_trusted_has_signed_is_not_looked_at(machine, given):
    machine(trusted=(OTHER,), signing=OTHER).run(given)
    laptop = machine()
    assert laptop.run(given)[0].source == "ran"
    assert laptop.told == []


def test_two_keys_sign_the_same_action_side_by_side(machine, given):
    machine(trusted=(OTHER,), signing=OTHER).run(given)
    machine(signing=CI).run(given)
    for key in (CI, OTHER):
        done, _ = machine(trusted=(key,)).run(given)
        assert done.record.signed_by == key_id(key.public_key())
    assert machine(trusted=(Ed25519PrivateKey.generate(), OTHER)).run(given)[0].source == "hit"


@pytest.mark.usefixtures("shared")
def test_a_key_that_is_trusted_no_more_is_not_believed_here_either(machine, given):
    laptop = machine()
    assert laptop.run(given)[0].source == "hit"
    revoking = replace(laptop, trusted=(OTHER,))
    done, files = revoking.run(given)
    assert (done.source, files, done.record.signed_by) == ("ran", {"a": BYTES}, "")
    assert revoking.run(given)[0].source == "hit"


def forged(machine, change, tag=""):
    """Push the first record of the repository again, changed, under its tag or another one."""
    repository = Repository(machine.reference)
    own = next(repository.tags())
    _, manifest = repository.artifact(own)
    first = next(layer for layer in manifest.layers if layer.media_type == ENVELOPE)
    data = change(json.loads(repository.pull(first)))
    blob = Descriptor.of(data, ENVELOPE)
    repository.push(data, blob)
    others = tuple(layer for layer in manifest.layers if layer.media_type != ENVELOPE)
    repository.push_artifact(manifest.model_copy(update={"layers": (blob, *others)}), tag or own)


def resigned(signed, key, **changes):
    """The envelope of a changed record, signed by a key."""
    payload = json.loads(envelope.read(json.dumps(signed), signed["payloadType"]).payload) | changes
    return envelope.sign(json.dumps(payload).encode(), signed["payloadType"], key).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda signed: resigned(signed, OTHER), "the key {who} has not signed it"),
        (lambda signed: resigned(signed, CI, sizes={}), "it does not tell the size of"),
        (lambda signed: resigned(signed, CI, more=1), "it is no signed record"),
        (lambda signed: resigned(signed, CI, processor="another"), "its record is of another action"),
        (lambda signed: json.dumps(signed | {"payload": "AAAA"}).encode(), "has not signed it"),
        (lambda signed: json.dumps(signed | {"payloadType": "application/x"}).encode(), "its payload is no"),
        (lambda signed: json.dumps(signed | {"signatures": []}).encode(), "it is no signed record"),
        (lambda _: b"junk", "it is no signed record"),
        (lambda _: b"[" * 100_000, "it is no signed record"),
    ],
)
def test_a_record_that_lies_is_told_and_made_here_and_pushed_anew(machine, given, change, words):
    ci = machine(signing=CI)
    ci.run(given)
    forged(ci, change)
    other = machine(signing=CI)
    done, files = other.run(given)
    assert (done.source, files) == ("ran", {"a": BYTES})
    assert words.format(who=key_id(CI.public_key())[:16]) in other.told[0]
    assert machine().run(given)[0].source == "hit"


def test_a_signed_record_of_another_action_is_not_taken(machine, given):
    ci = machine(signing=CI)
    ci.run(given)
    ran, _ = machine().run(echo(8))
    tag = Place.of(ran.record.preimage.key, measures=False).tag(key_id(CI.public_key()))
    forged(ci, lambda signed: json.dumps(signed).encode(), tag)
    laptop = machine()
    done, _ = laptop.run(echo(8))
    assert (done.source, done.result.number) == ("ran", 8)
    assert "its record is of another action" in laptop.told[0]


@pytest.mark.parametrize("path", ["../evil", "/evil", "a/../../evil", "", "."])
def test_a_listing_that_leads_elsewhere_is_not_followed(machine, shared, tmp_path, path):
    """Not even where a trusted key has signed it."""
    repository = Repository(shared.reference)
    evil, listing = b"evil", json.dumps({path: sha256(b"evil")}).encode()
    for data in (evil, listing):
        repository.push(data, Descriptor.of(data))
    made, _ = machine().run(folder())
    record = made.record.model_dump(mode="json", by_alias=True, exclude={"signed_by"})
    record["outputs"]["folder"]["sha256"] = sha256(listing)
    sizes = {sha256(data): len(data) for data in (evil, listing)}
    tag = Place.of(made.record.preimage.key, measures=False).tag(key_id(CI.public_key()))
    forged(shared, lambda signed: resigned(signed, CI, record=record, sizes=sizes), tag)
    laptop = machine()
    done, files = laptop.run(folder())
    assert (done.source, files) == ("ran", {"folder": {"file": b"made"}})
    assert "lists no folder" in laptop.told[0]
    assert [*tmp_path.rglob("evil")] == []


def test_what_measures_is_believed_on_the_same_kind_of_processor_alone(machine, monkeypatch):
    timed = replace(echo(21), stage=stage("echo", "timed", measures=True))
    monkeypatch.setattr("pinlite.machine.processor.name", lambda: "one")
    machine(signing=CI).run(timed)
    assert machine().run(timed)[0].source == "hit"
    monkeypatch.setattr("pinlite.machine.processor.name", lambda: "another")
    assert machine().run(timed)[0].source == "ran"


# Who signs.


@pytest.mark.parametrize(
    ("isolated", "shared_with", "trust", "signs"),
    [
        (True, "run", False, True),
        (True, "batch", False, False),
        (True, "batch", True, True),
        (True, "user", True, False),
        (False, "run", False, False),
        (False, "run", True, True),
        (False, "user", True, False),
    ],
)
def test_a_signature_vouches_for_no_more_than_it_can(isolated, shared_with, trust, signs):
    done = Done("step", None, {}, None, "ran", isolated=isolated, shared=shared_with)
    assert may_sign(done, trust=trust) is signs


def test_a_runner_that_says_nothing_of_its_workers_is_not_vouched_for():
    assert not may_sign(Done("step", None, {}, None, "ran"), trust=True)


@pytest.mark.parametrize(("keep_warm", "trust", "there"), [(0.0, False, 0), (30.0, True, 0), (0.0, True, 1)])
def test_what_can_not_be_vouched_for_is_not_pushed(machine, venv, given, keep_warm, trust, there):
    local = LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=keep_warm)
    ci = machine(signing=CI, behind=local, trust=trust)
    assert ci.run(given)[0].source == "ran"
    assert len([*Repository(ci.reference).tags()]) == there
    warm.end()


def wait_until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


# A registry that does not do.


def is_blob(method, path):
    return method == "GET" and "/blobs/" in path


def is_manifest(method, path):
    return method == "GET" and "/manifests/" in path


def writes(method, _):
    return method in ("POST", "PUT", "PATCH")


@pytest.mark.parametrize("what", [is_manifest, is_blob])
@pytest.mark.parametrize("how", ["away", "silent", "half", "short", "wrong", "long", "dripping", 500, 403, b"{}", b""])
@pytest.mark.usefixtures("shared")
def test_what_is_read_from_a_registry_that_misbehaves_is_made_here(machine, given, proxy, what, how):
    proxy.how, proxy.when = how, what
    laptop = machine(proxy.host, bounds=Bounds(seconds=1.0), patience=IMPATIENT)
    began = time.monotonic()
    done, files = laptop.run(given)
    assert time.monotonic() - began < 20
    assert (done.source, files) == ("ran", {"a": BYTES})
    assert laptop.told[0].startswith(f"copied is not taken from {laptop.reference}: ")
    assert laptop.run(given)[0].source == "hit"


def test_a_registry_that_is_away_is_not_asked_for_ever(machine):
    laptop = machine("127.0.0.1:1", signing=CI)
    with laptop.runner() as runner:
        for number in range(8):
            assert runner.run(echo(number)).result.number == number
    asked = [text for text in laptop.told if "is not taken from" in text]
    assert len(asked) == Bounds().faults
    assert asked[-1].endswith("; it is not asked for a while")
    pushed = [text for text in laptop.told if "is not pushed" in text]
    assert len(pushed) == PushBounds().faults
    assert laptop.told[-1] == f"8 results did not get to {laptop.reference}"


def test_a_slow_registry_is_asked_as_long_as_that_saves_time(machine, registry):
    """Each lookup takes half a second, and saves nothing."""
    with misbehaving(registry) as proxy:
        proxy.how, proxy.when = "late", is_manifest
        laptop = machine(proxy.host, bounds=Bounds(seconds=1.0))
        with laptop.runner() as runner:
            for number in range(30, 38):
                assert runner.run(echo(number)).result.number == number
    assert laptop.told == [f"{laptop.reference} takes more time than it saves, and is not asked for a while"]


@pytest.mark.parametrize("how", [507, 405, 403, 500, "away", "silent"])
def test_a_registry_that_takes_nothing_loses_nothing(machine, given, proxy, how):
    """It is full, read-only, closed to this user, broken, or away."""
    proxy.how, proxy.when = how, writes
    ci = machine(proxy.host, signing=CI, bounds=Bounds(pushing=PushBounds(end=10.0)), patience=IMPATIENT)
    began = time.monotonic()
    done, files = ci.run(given)
    assert time.monotonic() - began < 20
    assert (done.source, files) == ("ran", {"a": BYTES})
    assert [text for text in ci.told if text.startswith("the result of copied is not pushed: ")]
    assert ci.told[-1] == f"1 result did not get to {ci.reference}"
    assert [*Repository(machine().reference).tags()] == []
    assert ci.run(given)[0].source == "hit"


@pytest.mark.usefixtures("shared")
def test_a_registry_that_is_read_only_serves_what_it_has(machine, given, registry, make_registry):
    read_only = make_registry(read_only=True, content=registry.content)
    ci = machine(read_only.host, signing=CI)
    assert ci.run(given)[0].source == "hit"
    ci.run(echo(9))
    assert "is not pushed: " in ci.told[-2]


def test_a_push_that_breaks_off_leaves_no_record(machine, given, proxy):
    """The manifest comes last: a record without its files is never there."""
    proxy.how, proxy.when = 500, lambda method, path: method == "PUT" and "/manifests/" not in path
    machine(proxy.host, signing=CI).run(given)
    assert [*Repository(machine().reference).tags()] == []


@pytest.mark.usefixtures("shared")
def test_a_file_that_the_registry_lost_is_told_and_pushed_anew(machine, given, registry):
    registry.blob(given.inputs["a"].sha256).unlink()
    ci = machine(signing=CI)
    done, files = ci.run(given)
    assert (done.source, files) == ("ran", {"a": BYTES})
    assert "is missing" in ci.told[0]
    assert machine().run(given)[0].source == "hit"


def test_the_queue_has_an_end(machine, proxy):
    proxy.how, proxy.when = "silent", writes
    few = PushBounds(records=2, end=0.5)
    ci = machine(proxy.host, signing=CI, bounds=Bounds(pushing=few))
    began = time.monotonic()
    with ci.runner() as runner:
        for number in range(5):
            runner.run(echo(number))
    assert time.monotonic() - began < 10
    assert ci.told[-1] == f"5 results did not get to {ci.reference}"


def test_what_is_too_large_for_the_queue_is_left_out(machine, given):
    ci = machine(signing=CI, bounds=Bounds(pushing=PushBounds(size=len(BYTES) - 1)))
    ci.run(given)
    assert ci.told == [f"1 result did not get to {ci.reference}"]


def test_an_interrupt_waits_for_nothing(machine, proxy):
    proxy.how, proxy.when = "silent", writes
    ci = machine(proxy.host, signing=CI)

    def interrupted():
        with ci.runner() as runner:
            runner.run(echo(1))
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("shared")
def test_a_store_that_can_not_be_written_is_no_hindrance(machine, given):
    laptop = machine()
    laptop.folder.write_text("no folder")
    done, files = laptop.run(given)
    assert (done.source, files) == ("hit", {"a": BYTES})


def test_runs_may_follow_one_another_and_no_file_stays_that_has_gone(machine, given, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ci = machine(signing=CI)
    known = ci.standing()
    with ci.runner(standing=known) as runner:
        runner.run(given)
        wait_until(lambda: len([*Repository(ci.reference).tags()]) == 1)
        wait_until(lambda: [*tmp_path.glob("pinlite-*/0")] == [])
    with ci.runner(standing=known) as runner:
        runner.run(echo(2))
    assert len([*Repository(ci.reference).tags()]) == 2


def test_what_one_run_found_of_a_registry_the_next_one_need_not(machine, monkeypatch):
    laptop = machine("127.0.0.1:1", signing=CI)
    known = laptop.standing()
    for first in (0, 10):
        with laptop.runner(standing=known) as runner:
            for number in range(first, first + 4):
                runner.run(echo(number))
    assert len([text for text in laptop.told if "is not taken from" in text]) == 3
    assert len([text for text in laptop.told if "is not pushed" in text]) == 3
    assert (known.is_asked, known.is_pushed_to) == (False, False)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + Bounds().pause)
    monkeypatch.setattr("pinlite.runner.sharing.time", later)
    with laptop.runner(standing=known) as runner:
        runner.run(echo(20))
    assert len([text for text in laptop.told if "is not taken from" in text]) == 4


def test_a_process_knows_a_registry_by_its_keys(machine):
    reference = machine().reference
    known = standing(reference, trusting(CI), None)
    assert standing(reference, trusting(CI), None) is known
    assert standing(reference, trusting(CI, OTHER), None) is not known
    assert standing(reference, trusting(CI), CI) is not known
