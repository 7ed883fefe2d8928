"""Who is believed: keys as files and as variables, and envelopes of one kind that are none of another."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pinlite.errors import UsageError
from pinlite.inputs import environment
from pinlite.machine import uv
from pinlite.trust import envelope, keys
from pinlite.trust.keys import TrustedKeys, key_id

KIND = "application/vnd.example+json"


def secret(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public(*signers):
    encoded = (key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in signers)
    return b"# whose they are\n".join(encoded)


@pytest.fixture
def mine():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def theirs():
    return Ed25519PrivateKey.generate()


def test_a_file_may_have_several_keys(mine, theirs, tmp_path):
    (tmp_path / "team.pem").write_bytes(public(mine, theirs))
    trusted = TrustedKeys.of([tmp_path / "team.pem"])
    assert [*trusted.by_id] == [key_id(mine.public_key()), key_id(theirs.public_key())]
    assert trusted.signer(envelope.read(envelope.sign(b"x", KIND, theirs), KIND)) == key_id(theirs.public_key())


def test_a_key_that_is_not_trusted_has_signed_nothing(mine, theirs, tmp_path):
    (tmp_path / "mine.pem").write_bytes(public(mine))
    trusted = TrustedKeys.of([tmp_path / "mine.pem"])
    assert trusted.signer(envelope.read(envelope.sign(b"x", KIND, theirs), KIND)) == ""
    assert not TrustedKeys.of([])


def test_whoever_signs_believes_the_own_key_first(mine, theirs, tmp_path):
    (tmp_path / "theirs.pem").write_bytes(public(theirs))
    assert next(iter(TrustedKeys.of([tmp_path / "theirs.pem"], mine).by_id)) == key_id(mine.public_key())


def test_a_signature_of_one_kind_is_none_of_another(mine):
    signed = envelope.sign(b"x", KIND, mine)
    with pytest.raises(ValueError, match="its payload is no application/other"):
        envelope.read(signed, "application/other")
    renamed = json.dumps(json.loads(signed) | {"payloadType": "application/other"})
    assert not envelope.read(renamed, "application/other").is_signed(mine.public_key())


def test_a_signature_that_names_another_key_is_none(mine, theirs):
    signed = json.loads(envelope.sign(b"x", KIND, mine))
    signed["signatures"][0]["keyid"] = key_id(theirs.public_key())
    found = envelope.read(json.dumps(signed), KIND)
    assert not found.is_signed(mine.public_key())
    assert not found.is_signed(theirs.public_key())


@pytest.mark.parametrize("written", ["aGl=", "aGk=\n", "aG k=", "aGk", "a-k="])
def test_base64_has_one_form(mine, written):
    signed = json.loads(envelope.sign(b"hi", KIND, mine))
    assert signed["payload"] == "aGk="
    with pytest.raises(ValueError, match=r"base64|padding|data"):
        envelope.read(json.dumps(signed | {"payload": written}), KIND)


def test_the_same_payload_and_key_give_the_same_signature(mine):
    assert envelope.sign(b"a payload", KIND, mine) == envelope.sign(b"a payload", KIND, mine)


@pytest.mark.parametrize("as_file", [True, False])
def test_the_variable_has_the_key_or_names_its_file(mine, tmp_path, monkeypatch, as_file):
    (tmp_path / "key.pem").write_text(secret(mine))
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "key.pem") if as_file else secret(mine))
    found = keys.signing_key(None)
    assert found is not None
    assert key_id(found.public_key()) == key_id(mine.public_key())


def test_a_file_that_is_given_wins_over_the_variable(mine, theirs, tmp_path, monkeypatch):
    (tmp_path / "key.pem").write_text(secret(mine))
    monkeypatch.setenv(keys.VARIABLE, secret(theirs))
    found = keys.signing_key(tmp_path / "key.pem")
    assert found is not None
    assert key_id(found.public_key()) == key_id(mine.public_key())


def test_without_either_nothing_signs(monkeypatch):
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    assert keys.signing_key(None) is None


def test_a_wrong_variable_is_named_and_its_value_is_not(monkeypatch):
    monkeypatch.setenv(keys.VARIABLE, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(UsageError) as raised:
        keys.signing_key(None)
    assert keys.VARIABLE in raised.value.message
    assert "c2VjcmV0" not in raised.value.message + raised.value.hint


def test_no_other_process_gets_the_key(monkeypatch):
    """Neither code in the user's own environment nor a setup.py that uv runs."""
    monkeypatch.setenv(keys.VARIABLE, "the key")
    monkeypatch.setenv("ANOTHER", "variable")
    assert {keys.VARIABLE, "ANOTHER"} & environment.surroundings().keys() == {"ANOTHER"}
    program = f"import os; print({{'{keys.VARIABLE}', 'ANOTHER'}} & os.environ.keys())"
    assert uv.run("run", "--no-project", "--python", sys.executable, "python", "-c", program) == "{'ANOTHER'}"


@pytest.mark.parametrize("kind", ["private", "ec", "half", "junk", "empty", "absent"])
def test_a_file_that_has_no_public_key_is_refused(mine, tmp_path, kind):
    path = tmp_path / f"{kind}.pem"
    content = {
        "private": secret(mine).encode(),
        "ec": public(ec.generate_private_key(ec.SECP256R1())),
        "half": public(mine) + b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "junk": b"junk",
        "empty": b"",
    }
    if kind in content:
        path.write_bytes(content[kind])
    with pytest.raises(UsageError, match=f"--trust-key {path}") as raised:
        TrustedKeys.of([Path(path)])
    assert "openssl pkey" in raised.value.hint
