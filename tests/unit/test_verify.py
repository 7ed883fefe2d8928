"""Telling a folder that is as it was made from one that is not, and whose it is."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from pinlite.conversion import pipeline
from pinlite.errors import TamperedError, UsageError
from pinlite.options import resolve
from pinlite.provenance.verify import verify
from pinlite.trust import envelope
from pinlite.trust import keys as trust

OUT = Path("out")
FILES = [
    *("model.float32.tflite", "model.graph.txt", "model.onnx", "operators.json", "profiles.npz", "samples.npz"),
    *("saved_model/saved_model.pb", "saved_model/variables/variables.index"),
    *("report.json", "sbom.json", "provenance.json", "provenance.json.sha256"),
]
SIGNATURE = "provenance.intoto.jsonl"
IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def convert(engine, model_file):
    def run(**options):
        options = {"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": str(OUT)} | options
        pipeline.run(resolve(options))
        return engine

    return run


def private_pem(path, key=None, encryption=None):
    key = key or ed25519.Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    Path(path).write_bytes(data)
    return key


def public_pem(path, key):
    Path(path).write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return Path(path)


@pytest.fixture
def keys(temporary):
    """Whose key signs: its file, and that of its public half."""
    folder = temporary.parent
    key = private_pem(folder / "mine.pem")
    return folder / "mine.pem", public_pem(folder / "mine.public.pem", key)


def wrong(key=None):
    """What is wrong with the folder, a line each."""
    with pytest.raises(TamperedError) as raised:
        verify(OUT, *([key] if key else []))
    assert raised.value.hint
    first, *lines = raised.value.message.splitlines()
    assert first == "out has changed since its conversion:"
    return [line.strip() for line in lines]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def restate(change):
    """Forge: change the statement, and have its checksum follow."""
    statement = json.loads((OUT / "provenance.json").read_text())
    change(statement)
    (OUT / "provenance.json").write_text(json.dumps(statement))
    digest = hashlib.sha256((OUT / "provenance.json").read_bytes()).hexdigest()
    (OUT / "provenance.json.sha256").write_text(f"{digest}  provenance.json\n")


def state_anew(*names):
    """Forge: have the statement say of these files what they are now."""
    now = {name: hashlib.sha256((OUT / name).read_bytes()).hexdigest() for name in names}

    def change(statement):
        others = [subject for subject in statement["subject"] if subject["name"] not in now]
        statement["subject"] = others + [{"name": n, "digest": {"sha256": digest}} for n, digest in now.items()]

    restate(change)


def test_a_folder_is_as_it_was_made(convert):
    convert(variant=["float32", "int8"], calibration="random")
    found = verify(OUT)
    assert found.files == sum(path.is_file() for path in OUT.rglob("*"))
    assert (found.source[-14:], found.builder, found.keys, found.trusted) == (
        *("model.py:build", "urn:pinlite:engine:fake", ()),
        False,
    )


def test_the_command_says_so(convert, command):
    convert()
    status, out, _ = command("verify", "out")
    assert status == 0
    assert "out: 12 files are as they were made\n" in out
    assert "urn:pinlite:engine:fake" in out
    assert out.splitlines()[-1].startswith("unsigned: ")


def test_a_changed_file_ends_the_command_with_eight(convert, command):
    convert()
    flip(OUT / "model.onnx", 0)
    status, out, err = command("verify", "out")
    assert (status, out) == (8, "")
    assert "  model.onnx has changed\n" in err
    assert "\nhint: " in err


@pytest.mark.parametrize("at", [0, 0.5, -1])
@pytest.mark.parametrize("name", FILES)
def test_one_bit_of_any_file_is_seen_and_the_file_named(convert, name, at):
    convert()
    size = (OUT / name).stat().st_size
    flip(OUT / name, int(at * size) if at >= 0 else size - 1)
    (line,) = wrong()
    assert line.startswith(f"{name} ") or (name in line and name.startswith("provenance"))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(convert, name):
    convert()
    (OUT / name).unlink()
    assert wrong() == [f"{name} is missing"]


def test_files_that_are_new_are_named(convert):
    convert()
    for name in (".hidden", "saved_model/__pycache__/x.pyc", "new/deep.txt"):
        path = OUT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    names = [".hidden", "new/deep.txt", "saved_model/__pycache__/x.pyc"]
    assert wrong() == [f"{name} is not of the conversion" for name in names]


@pytest.mark.parametrize("name", ["model.onnx", "provenance.json", SIGNATURE, "saved_model", "new"])
@pytest.mark.parametrize("make", ["link", "pipe"])
def test_what_is_no_plain_file_is_named(convert, keys, tmp_path, name, make):
    convert(sign=str(keys[0]))
    path = OUT / name
    if path.exists():
        path.rename(tmp_path / "elsewhere")
    if make == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    assert wrong() == [f"{name} is no plain file"]


def test_all_that_is_wrong_is_said_at_once(convert):
    convert()
    flip(OUT / "samples.npz", 3)
    (OUT / "model.onnx").unlink()
    (OUT / "new.txt").write_text("x")
    assert wrong() == ["model.onnx is missing", "new.txt is not of the conversion", "samples.npz has changed"]


@pytest.mark.parametrize("name", ["model.onnx", "saved_model/saved_model.pb"])
def test_a_statement_that_follows_a_changed_file_contradicts_the_report(convert, name):
    convert()
    flip(OUT / name, 0)
    state_anew(name)
    assert wrong() == [f"{name.partition('/')[0]}: report.json and provenance.json differ"]


def test_a_statement_of_more_files_contradicts_the_report(convert):
    convert()
    (OUT / "new.txt").write_text("x")
    state_anew("new.txt")
    assert wrong() == ["new.txt: report.json says nothing of it"]


@pytest.mark.parametrize("name", ["report.json", "sbom.json"])
def test_a_statement_that_leaves_a_document_out(convert, name):
    convert()

    def leave_out(statement):
        statement["subject"] = [subject for subject in statement["subject"] if subject["name"] != name]

    restate(leave_out)
    assert f"provenance.json says nothing of {name}" in wrong()


def predicate(statement):
    return statement["predicate"]["buildDefinition"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s.update(predicateType="https://slsa.dev/provenance/v0.2"),
        lambda s: s.update(more=1),
        lambda s: s.update(subject=[]),
        lambda s: s["subject"][0].update(digest={}),
        lambda s: s["subject"][0].pop("digest"),
        lambda s: s["subject"][0].pop("name"),
        lambda s: predicate(s).update(more=1),
        lambda s: predicate(s).pop("buildType"),
        lambda s: predicate(s).update(externalParameters="none"),
        lambda s: predicate(s).update(externalParameters={}),
        lambda s: s["predicate"]["runDetails"]["builder"].update(id=""),
        lambda s: s["predicate"]["runDetails"]["metadata"].update(startedOn="yesterday"),
    ],
)
def test_a_statement_that_is_not_by_its_schema(convert, change):
    convert()
    restate(change)
    (line,) = wrong()
    assert line.startswith("provenance.json is no SLSA provenance: ")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("sbom.json", {"components": [{"type": "library"}]}, "sbom.json is no CycloneDX: "),
        ("sbom.json", {"unheard": 1}, "sbom.json is no CycloneDX: "),
        ("report.json", {"schema": "pinlite.report/0"}, "report.json is no report of this version: "),
    ],
)
def test_a_document_that_is_not_by_its_schema(convert, name, change, words):
    convert()
    (OUT / name).write_text(json.dumps(json.loads((OUT / name).read_text()) | change))
    state_anew(name)
    (line,) = wrong()
    assert line.startswith(words)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_a_statement_that_is_nothing_of_the_kind(convert, content):
    convert()
    (OUT / "provenance.json").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (OUT / "provenance.json.sha256").write_text(f"{digest}  provenance.json\n")
    (line,) = wrong()
    assert line.startswith("provenance.json is no SLSA provenance: ")


def test_a_statement_in_other_words_is_read_alike(convert):
    """Protobuf's JSON has two names for a field."""
    convert()

    def rename(statement):
        statement["predicate"]["run_details"] = statement["predicate"].pop("runDetails")

    restate(rename)
    assert verify(OUT).builder == "urn:pinlite:engine:fake"


@pytest.mark.parametrize("make", ["absent", "empty", "file"])
def test_a_folder_that_no_conversion_made(command, make):
    if make == "empty":
        OUT.mkdir()
    elif make == "file":
        OUT.write_text("x")
    status, _, err = command("verify", "out")
    assert status == 2
    assert "out is not the output folder of a conversion" in err


def test_a_folder_is_signed_and_its_key_verifies_it(convert, command, keys):
    private, public = keys
    convert(sign=str(private))
    assert verify(OUT, public).trusted
    status, out, _ = command("verify", "out")
    assert status == 0
    assert f"signed by {verify(OUT).keys[0]}, which was not checked" in out
    status, out, _ = command("verify", "out", "--key", str(public))
    assert status == 0
    assert out.endswith(f"signed by {public}\n")


def test_others_verify_the_signature(convert, keys):
    """in-toto's own implementation of DSSE."""
    private, public = keys
    convert(sign=str(private))
    read = Envelope.from_dict(json.loads((OUT / SIGNATURE).read_text()))
    ((keyid, signed),) = read.signatures.items()
    (key,) = trust.public_keys(public, "--key")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert keyid == signed.keyid == hashlib.sha256(der).hexdigest()
    read.verify([SSlibKey.from_crypto(key, keyid)], 1)
    assert read.payload == (OUT / "provenance.json").read_bytes()
    assert read.payload_type == IN_TOTO


def test_another_key_does_not_verify_it(convert, command, keys, tmp_path):
    private, _ = keys
    convert(sign=str(private))
    other = public_pem(tmp_path / "other.pem", ed25519.Ed25519PrivateKey.generate())
    status, _, err = command("verify", "out", "--key", str(other))
    assert status == 8
    assert f"{SIGNATURE} is not signed by {other}" in err


def test_an_unsigned_folder_is_called_so_where_a_key_is_asked_for(convert, keys):
    convert()
    assert wrong(keys[1]) == [f"it is unsigned: there is no {SIGNATURE}"]


def test_a_signature_of_another_statement(convert, keys):
    private, public = keys
    convert(sign=str(private))
    restate(lambda statement: statement["predicate"]["runDetails"]["metadata"].update(invocationId="another"))
    for key in (None, public):
        assert wrong(key) == [f"{SIGNATURE} is of another provenance.json"]


def test_a_changed_payload_is_not_signed(convert, keys):
    private, public = keys
    convert(sign=str(private))
    restate(lambda statement: statement["predicate"]["runDetails"]["metadata"].update(invocationId="another"))
    signed = json.loads((OUT / SIGNATURE).read_text())
    signed["payload"] = base64.b64encode((OUT / "provenance.json").read_bytes()).decode()
    (OUT / SIGNATURE).write_text(json.dumps(signed))
    assert wrong(public) == [f"{SIGNATURE} is not signed by {public}"]


def test_no_bit_of_the_signature_can_change(convert, keys):
    private, public = keys
    convert(sign=str(private))
    ((key,), payload, text) = (
        trust.public_keys(public, "--key"),
        (OUT / "provenance.json").read_bytes(),
        (OUT / SIGNATURE).read_bytes(),
    )
    assert envelope.read(text, IN_TOTO).is_signed(key)
    for at in range(len(text)):
        changed = bytearray(text)
        changed[at] ^= 1
        try:
            found = envelope.read(bytes(changed), IN_TOTO)
        except ValueError:
            continue
        assert found.payload != payload or not found.is_signed(key) or at == len(text) - 1
    flip(OUT / SIGNATURE, 40)
    (line,) = wrong(public)
    assert line.startswith(f"{SIGNATURE} is ")


def test_an_unsigned_conversion_leaves_nothing_of_a_signed_one(convert, keys):
    convert(sign=str(keys[0]))
    convert()
    assert not (OUT / SIGNATURE).exists()
    assert verify(OUT).keys == ()


def test_the_key_is_copied_nowhere(convert, keys, tmp_path):
    private, _ = keys
    convert(sign=str(private))
    secret = private.read_bytes().splitlines()[1]
    seed = base64.b64decode(secret)[-32:]
    others = [path for path in tmp_path.rglob("*") if path.is_file() and path != private]
    assert others
    for path in others:
        assert secret not in path.read_bytes()
        assert seed not in path.read_bytes()
        assert str(private).encode() not in path.read_bytes()


@pytest.mark.parametrize("kind", ["encrypted", "ec", "public", "junk", "absent", "folder"])
def test_a_key_that_can_not_sign_is_refused_before_any_work(engine, command, model_file, keys, tmp_path, kind):
    path = tmp_path / f"{kind}.pem"
    if kind == "encrypted":
        private_pem(path, encryption=BestAvailableEncryption(b"secret"))
    elif kind == "ec":
        private_pem(path, ec.generate_private_key(ec.SECP256R1()))
    elif kind == "public":
        path.write_bytes(keys[1].read_bytes())
    elif kind == "junk":
        path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    elif kind == "folder":
        path.mkdir()
    status, _, err = command("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--sign", str(path))
    assert status == 2
    assert "--sign" in err
    assert str(path) in err
    assert "\nhint: " in err
    assert "c2VjcmV0" not in err
    assert engine.requests == []
    assert not Path("build").exists()


@pytest.mark.parametrize("kind", ["private", "ec", "junk", "absent"])
def test_a_key_that_can_not_verify(convert, keys, tmp_path, kind):
    private, _ = keys
    convert(sign=str(private))
    path = tmp_path / f"{kind}.pem"
    if kind == "private":
        path.write_bytes(private.read_bytes())
    elif kind == "ec":
        public_pem(path, ec.generate_private_key(ec.SECP256R1()))
    elif kind == "junk":
        path.write_text("junk")
    with pytest.raises(UsageError) as raised:
        verify(OUT, path)
    assert f"--key {path}" in str(raised.value)
    assert "openssl pkey" in raised.value.hint


def test_without_what_reads_the_schemas_it_says_what_to_install():
    program = (
        "import sys; sys.modules['google.protobuf'] = None; from pinlite.cli.main import main; "
        "sys.argv = ['pinlite', 'verify', 'out']; sys.exit(main())"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "that are not installed: module google.protobuf.json_format is missing" in ended.stderr
    assert 'hint: pip install "pinlite[verify]"' in ended.stderr
