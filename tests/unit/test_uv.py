"""What uv is told beside its arguments."""

import sys

import pytest

from pinlite.machine import uv


def said(name):
    script = f"import os; print(os.environ.get({name!r}))"
    return uv.run("run", "--quiet", "--no-project", "--offline", "--python", sys.executable, "python", "-c", script)


@pytest.mark.parametrize(
    ("name", "value", "own"),
    [("UV_COMPILE_BYTECODE_TIMEOUT", "600", "7"), ("UV_SYSTEM_CERTS", "true", "false")],
    ids=["a busy machine has time to compile", "the system's certificates are trusted"],
)
def test_uv_is_told_unless_the_user_says_it(monkeypatch, tmp_path, name, value, own):
    certificates = tmp_path / "certificates.crt"
    certificates.touch()
    monkeypatch.setattr(uv, "_TRUSTED", ("/nowhere.crt", str(certificates)))
    monkeypatch.delenv(name, raising=False)
    assert said(name) == value
    monkeypatch.setenv(name, own)
    assert said(name) == own


def test_where_the_system_has_no_certificates_uv_takes_its_own(monkeypatch):
    monkeypatch.setattr(uv, "_TRUSTED", ("/nowhere.crt",))
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    assert said("UV_SYSTEM_CERTS") == "None"
