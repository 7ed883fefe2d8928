"""Who asks a registry, and which certificates it may have: as docker has both. Importing this imports docker."""

import base64
import json
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from docker import auth
from docker.errors import DockerException

from pinlite.errors import RegistryError
from pinlite.registry.reference import Reference

# https://docs.docker.com/engine/security/certificates
_CERTIFICATES = (Path("/etc/docker/certs.d"), Path("~/.config/docker/certs.d"))
_DAEMON = Path("/etc/docker/daemon.json")


@dataclass(frozen=True)
class Credentials:
    """A user and a password; or a token that stands for both, where ``docker login`` was given one."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """As HTTP's basic authorization has them."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def of(host: str) -> Credentials | None:
    """What ``docker login`` has kept for a host, in its file or with its helper; None for a stranger.

    Raises:
        RegistryError: The helper that docker's file names does not do.
    """
    try:
        found = auth.load_config().resolve_authconfig(host)
    except (DockerException, OSError, ValueError) as error:
        raise RegistryError(
            f"docker's credentials for {host} can't be read: {error}", hint=f"try `docker login {host}`"
        ) from error
    if not found:
        return None
    user = found.get("username") or found.get("Username") or ""
    return Credentials(user, found.get("password") or found.get("Password") or "", found.get("IdentityToken") or "")


def context(host: str) -> ssl.SSLContext:
    """What trusts the system's certificates and those in docker's folder for the host, and shows the client's there.

    Raises:
        RegistryError: A certificate can't be read.
    """
    made = ssl.create_default_context()
    for folder in _CERTIFICATES:
        below = folder.expanduser() / host
        try:
            for path in sorted(below.glob("*.crt")):
                made.load_verify_locations(path)
            for path in sorted(below.glob("*.cert")):
                made.load_cert_chain(path, path.with_suffix(".key"))
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"a certificate for {host} in {below} can't be read: {error}", hint="give pinlite's user the right to"
            ) from error
    return made


def may_be_plain(reference: Reference) -> bool:
    """Whether docker speaks to the host without TLS: this machine, and what its settings call insecure."""
    if reference.is_loopback:
        return True
    try:
        insecure = json.loads(_DAEMON.read_text())["insecure-registries"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return any(isinstance(each, str) and _names(each, reference.host) for each in insecure)


def _names(insecure: str, host: str) -> bool:
    if insecure == host:
        return True
    try:
        return ip_address(host.rpartition(":")[0] or host) in ip_network(insecure)
    except ValueError:
        return False
