"""An engine at an address of TCP that wants certificates: TLS ends in a process of the test, dockerd is behind it."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from probes import ask, result

from pinlite.contract import Request
from pinlite.engine.docker import DockerEngine
from pinlite.errors import NoEngineError, StageCrashError

SOON = 30


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A folder as DOCKER_CERT_PATH has it; the certificate serves both ends, and signs itself."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return folder


@pytest.fixture
def encrypted(away, certificates, monkeypatch):
    """The environment of the engine elsewhere, by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    behind = away.address.removeprefix("tcp://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, behind), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
        yield
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener, context, behind):
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, context, behind), daemon=True).start()


def _serve(client, context, behind):
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(client, server_side=True) as outside,
        socket.create_connection(behind) as inside,
    ):
        back = threading.Thread(target=_pass_on, args=(inside, outside), daemon=True)
        back.start()
        _pass_on(outside, inside)
        back.join()


def _pass_on(source, to):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)


def test_a_worker_is_reached_by_tls(probe_of, request):
    job = probe_of("docker elsewhere").job
    request.getfixturevalue("encrypted")
    engine = DockerEngine()
    assert not engine.shares_disk
    (job.inputs / "a").mkdir(parents=True)
    (job.inputs / "a" / "in").write_bytes(bytes(3 * 2**20))
    with engine.start(job) as worker:
        text = "x" * 2**20
        assert result(worker, "echo", text=text) == {"text": text}
        request = Request(id="a", operation="copy", inputs={"file": "a/in"}, outputs={"file": "a/out"})
        assert worker.request(request).error is None
        assert (job.outputs / "a" / "out").read_bytes() == bytes(3 * 2**20)
        stopping = threading.Timer(0.5, worker.stop)
        stopping.start()
        with pytest.raises(StageCrashError):
            ask(worker, "hang")
        stopping.join(SOON)
        assert not stopping.is_alive()


@pytest.mark.usefixtures("encrypted")
def test_a_stranger_is_told(monkeypatch):
    monkeypatch.delenv("DOCKER_TLS_VERIFY")
    monkeypatch.delenv("DOCKER_CERT_PATH")
    with pytest.raises(NoEngineError, match="no Docker engine answers: "):
        DockerEngine()
