"""`pinlite cache`: what is kept, why it was not found, whether it is whole, and what may go."""

import json
import os
import re
import time

import pytest
from fake_engine import STAGES

from pinlite.store.files import Store

DAY = 24 * 3600


@pytest.fixture
def convert(engine, command, model_file):
    def run(*arguments):
        engine.requests.clear()
        status, _, err = command("convert", f"{model_file.name}:build", "--out", "out", *arguments)
        assert status == 0, err
        return [*engine.asked]

    return run


@pytest.fixture
def keys(command):
    """The keys that ``ls`` shows, by stage, used last first."""

    def listed():
        found = {}
        for line in command("cache", "ls")[1].splitlines():
            if matched := re.match(r"([0-9a-f]{12})  (pinlite convert|\S+)", line):
                found.setdefault(matched[2], []).append(matched[1])
        return found

    return listed


def records():
    return sorted(path for kind in ("actions", "runs") for path in (Store().root / kind).rglob("*.json"))


def blobs():
    return sorted(path for path in (Store().root / "blobs").rglob("*") if path.is_file())


def test_an_empty_store_is_no_error(command):
    for arguments in (["ls"], ["verify"], ["gc"], ["clear"]):
        status, _, err = command("cache", *arguments)
        assert status == 0, err


def test_what_is_kept_is_listed_with_its_size(convert, command, keys):
    convert()
    assert set(keys()) == {*STAGES, "pinlite convert"}
    _, out, _ = command("cache", "ls")
    assert re.search(r"convert +model\.float32\.tflite +2\.\d\d kB", out)
    assert re.search(r"export +model\.onnx \+4 ", out)
    assert out.splitlines()[-1].endswith("in all; files that several name count once")


def test_a_record_is_shown_whole(convert, command, keys):
    convert()
    (key,) = keys()["convert"]
    _, out, _ = command("cache", "show", key)
    record = json.loads(out)
    assert record["preimage"]["parameters"]["variant"] == "float32"
    assert record["outputs"]["model"]["name"] == "model.float32.tflite"


def test_two_keys_are_explained_by_what_differs(convert, command, keys):
    convert()
    convert("--seed", "7")
    one, other = keys()["export"]
    for arguments in ([one, other], [one]):
        _, out, _ = command("cache", "explain", *arguments)
        assert [line.partition("  ")[0][:12] for line in out.splitlines()[:2]] == [one, other]
        assert out.splitlines()[2:] == ["parameters seed was 7, is 0"]


def test_a_lone_key_is_explained_by_its_parts(convert, command, keys):
    convert()
    _, out, _ = command("cache", "explain", *keys()["export"])
    assert "  operation export" in out
    assert re.search(r"  identity [0-9a-f]{64}", out)


@pytest.mark.parametrize("arguments", [["show", "0"], ["explain", "zz"], ["show", ""]])
def test_a_key_that_tells_none_is_a_clear_error(convert, command, arguments):
    convert()
    arguments = [*arguments[:1], "" if arguments[1] == "0" else arguments[1]]
    status, _, err = command("cache", *arguments)
    assert status == 2
    assert "pinlite cache ls" in err


def test_what_is_damaged_is_dropped_with_all_that_needs_it(convert, command):
    convert()
    (listing,) = [path for path in blobs() if path.read_bytes().startswith(b'{"saved_model.pb"')]
    listing.chmod(0o644)
    listing.write_bytes(b"{}")
    status, out, _ = command("cache", "verify")
    assert status == 0
    dropped = [line.removeprefix("dropped ") for line in out.splitlines() if line.startswith("dropped ")]
    # The blob, the translation, and the command as a whole.
    assert [line.partition("/")[0] for line in dropped] == ["actions", "blobs", "runs"]
    assert convert() == ["translate"]
    assert "dropped" not in command("cache", "verify")[1]


def test_what_was_not_used_for_long_goes_with_its_files(convert, command, keys):
    convert()
    old = records()
    for path in old:
        os.utime(path, (time.time() - 40 * DAY,) * 2)
    convert("--seed", "3")
    used = set(records()) - {path for path in old if path.stat().st_mtime < time.time() - DAY}
    command("cache", "gc", "--keep-days", "30")
    assert set(records()) == used
    assert "dropped" not in command("cache", "verify")[1]
    assert convert("--seed", "3") == []
    assert "export" in keys()


def test_what_was_used_last_stays_within_the_size(convert, command):
    convert()
    for path in records():
        os.utime(path, (time.time() - DAY,) * 2)
    convert("--variant", "float16")
    status, out, _ = command("cache", "gc", "--max-size", "12k")
    assert status == 0
    assert re.match(r"removed \d+ records and \d+ files: ", out)
    assert sum(path.stat().st_size for path in blobs()) <= 12 * 1024
    assert records()
    assert "dropped" not in command("cache", "verify")[1]


def test_what_a_killed_process_left_goes_too(convert, command):
    convert()
    (Store().root / "making" / "half").write_bytes(b"half")
    stranger = Store().blob("0" * 64)
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_bytes(b"nobody names me")
    command("cache", "gc")
    assert not stranger.exists()
    assert not (Store().root / "making").exists()
    assert not list((Store().root / "locks").iterdir())
    assert convert() == []


def test_clear_leaves_nothing_and_other_schemas_neither(convert, command):
    convert()
    older = Store().root.with_name("0") / "blobs"
    older.mkdir(parents=True)
    status, out, _ = command("cache", "clear")
    assert (status, out.startswith("removed ")) == (0, True)
    assert not Store().root.parent.exists()
    assert convert() == list(STAGES)


def test_a_store_of_another_schema_is_left_alone(convert):
    older = Store().root.with_name("0") / "actions"
    older.mkdir(parents=True)
    (older / "record.json").write_text("{}")
    assert convert() == list(STAGES)
    assert (older / "record.json").read_text() == "{}"


@pytest.mark.parametrize("size", ["lots", "0", "-1g"])
def test_a_size_that_is_none_is_refused(command, size):
    status, _, err = command("cache", "gc", f"--max-size={size}")
    assert status == 2
    assert "--max-size" in err


@pytest.mark.parametrize("group", ["cache", "images"])
@pytest.mark.parametrize("days", ["nan", "inf", "-1"])
def test_days_that_are_no_number_remove_nothing(convert, command, group, days):
    convert()
    kept = records()
    status, _, err = command(group, "gc", "--keep-days", days)
    assert status == 2
    assert "'--keep-days'" in err
    assert records() == kept
