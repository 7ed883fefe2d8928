"""Requests to one registry: who asks, how long is waited, and what its answers mean in words."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from oras.auth.utils import authHeader, parse_auth_header
from oras.provider import Registry
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from pinlite.errors import RegistryError
from pinlite.machine.https import SystemTrust
from pinlite.registry import credentials
from pinlite.registry.reference import Reference

# Where Docker Hub answers, and what docker calls it in the file of its credentials.
_HUB, _HUB_ANSWERS, _HUB_ASKS = ("docker.io", "index.docker.io"), "registry-1.docker.io", "https://index.docker.io/v1/"
_CONNECTIONS = 8
_PART = 2**16
# Of an error's words.
_LONGEST = 300
_FAILED = (requests.RequestException, HTTPError)
_AGAIN = "check the connection and that the registry runs, then run the same command again"


@dataclass(frozen=True)
class Patience:
    """How long a registry may take: to ``connect`` and to say the next thing (``silence``), in seconds. ``pace`` is the
    least that has to come or go, in bytes a second, once it has been at it for as long as it may be silent.
    """

    connect: float = 5
    silence: float = 30
    pace: float = 10_000


class Session(Registry):  # type: ignore[misc]  # oras has no types
    """oras' requests, as pinlite needs them: with an end, with docker's credentials, never repeated by themselves.

    Several threads may ask at a time.
    """

    def __init__(self, reference: Reference, patience: Patience) -> None:
        self.reference, self.patience = reference, patience
        self.asked = _HUB_ASKS if reference.host in _HUB else reference.host
        host = _HUB_ANSWERS if reference.host in _HUB else reference.host
        super().__init__(hostname=host)
        # pip's own certificates, netrc and cookies have nothing to do with a registry; proxies have.
        self.session.mount("https://", SystemTrust(credentials.context(reference.host), pool_maxsize=_CONNECTIONS))
        self.session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self.session.headers["Accept-Encoding"] = "identity"
        self._credentials: credentials.Credentials | None = None
        self._is_known = False
        self._tokens: dict[str, str] = {}
        self._authorization: dict[bool, str] = {}
        self.prefix = self._scheme()

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = True,  # noqa: ARG002  # always: `parts` reads
    ) -> requests.Response:
        """One request, and a second one with credentials where the first is answered that these are wanted.

        The response is to be read by `parts` or `read`, and closed.

        Raises:
            RegistryError: No answer came.
        """
        writes = method not in ("GET", "HEAD")
        response = self._sent(method, url, data, headers, json, self._authorization.get(writes))
        if response.status_code != HTTPStatus.UNAUTHORIZED or "Www-Authenticate" not in response.headers:
            return response
        authorization = self._authorized(response.headers["Www-Authenticate"])
        if authorization is None:
            return response
        response.close()
        if hasattr(data, "seek"):
            data.seek(0)
        response = self._sent(method, url, data, headers, json, authorization)
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            self._authorization[writes] = authorization
        return response

    def check(self, response: requests.Response, what: str) -> requests.Response:
        """The response, if it is no error; a RegistryError says what was wanted in vain: to ``read x``."""
        status = response.status_code
        if status < HTTPStatus.BAD_REQUEST:
            return response
        said = ""
        with contextlib.suppress(RegistryError):
            said = _said(self.read(response, most=_PART))
        host = self.reference.host
        message = f"{host} refuses to {what}: {status} {response.reason}{said}"
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise RegistryError(
                message, hint=f"`docker login {host}` tells it who asks; the user has to have the right"
            )
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            raise RegistryError(message, hint="it takes nothing: it is read-only, or a mirror")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.TOO_MANY_REQUESTS,
        ):
            full = status == HTTPStatus.INSUFFICIENT_STORAGE or "no space" in said.lower()
            hint = "make room on its disk" if full else _AGAIN
            raise RegistryError(message, hint=hint, may_pass=not full)
        raise RegistryError(message, hint="check the name; a registry may want repositories to be made there first")

    def parts(self, response: requests.Response, most: int) -> Iterator[bytes]:
        """The bytes of a response as they come.

        Raises:
            RegistryError: They end too early, are more than ``most``, or come too slowly.
        """
        clock = Clock(self.patience, self.reference.host)
        received = 0
        with self._answering():
            while part := response.raw.read1(_PART):
                received += len(part)
                if received > most:
                    raise RegistryError(
                        f"{self.reference.host} sends more than the {most} bytes that were asked for",
                        hint="it, or a proxy before it, serves something else: nothing of it is used",
                    )
                clock.check(received)
                yield part

    def read(self, response: requests.Response, most: int) -> bytes:
        """All of a response, which is closed. Raises as `parts` does."""
        with response:
            return b"".join(self.parts(response, most))

    def _scheme(self) -> str:
        if not credentials.may_be_plain(self.reference):
            return "https"
        try:
            self.session.get(f"https://{self.hostname}/v2/", timeout=self._timeout, stream=True).close()
        except requests.exceptions.SSLError as error:
            return "https" if "CERTIFICATE" in str(error).upper() else "http"
        except _FAILED:
            return "http"
        return "https"

    @property
    def _timeout(self) -> tuple[float, float]:
        return self.patience.connect, self.patience.silence

    def _sent(
        self,
        method: str,
        url: str,
        data: Any,
        headers: Mapping[str, str] | None,
        json: Any,
        authorization: str | None,
    ) -> requests.Response:
        with self._answering():
            response: requests.Response = self.session.request(
                method,
                url,
                data=data,
                json=json,
                headers=dict(headers or {}),
                stream=True,
                timeout=self._timeout,
                auth=_As(authorization),
            )
            return response

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        host = self.reference.host
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise RegistryError(
                f"the certificate of {host} is not trusted: {error}",
                hint=f"put the certificate of who signed it into /etc/docker/certs.d/{host}/ca.crt",
            ) from error
        except requests.exceptions.Timeout as error:
            raise slow(host, self.patience) from error
        except _FAILED as error:
            if "timed out" in str(error):
                raise slow(host, self.patience) from error
            raise RegistryError(f"{host} can't be reached: {_words(error)}", hint=_AGAIN, may_pass=True) from error

    def _authorized(self, challenge: str) -> str | None:
        """What to answer to a challenge; None where there is nothing to answer."""
        if not self._is_known:
            self._credentials, self._is_known = credentials.of(self.asked), True
        known = self._credentials
        if challenge.lower().startswith("basic"):
            return known.basic if known else None
        header = parse_auth_header(challenge)
        token = self._token(header, known) if header.realm else ""
        return f"Bearer {token}" if token else None

    def _token(self, challenge: authHeader, known: credentials.Credentials | None) -> str:
        """https://distribution.github.io/distribution/spec/auth/token, for a stranger too; "" where none is given."""
        secure = urlsplit(challenge.realm).scheme == "https" or self.prefix == "http"
        if known and not secure:
            raise RegistryError(
                f"{self.reference.host} wants credentials to be sent without TLS, to {challenge.realm}",
                hint="ask those who run it for a server of tokens with https",
            )
        params = {key: value for key in ("service", "scope") if (value := getattr(challenge, key))}
        with self._answering():
            if known and known.identity_token:
                form = params | {"grant_type": "refresh_token", "refresh_token": known.identity_token}
                response = self.session.post(
                    challenge.realm, data=form | {"client_id": "pinlite"}, timeout=self._timeout, auth=_As(None)
                )
            else:
                basic = known.basic if known else None
                response = self.session.get(challenge.realm, params=params, timeout=self._timeout, auth=_As(basic))
        try:
            answer = response.json() if response.ok else {}
        except ValueError:
            answer = {}
        token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
        return token if isinstance(token, str) else ""


class Clock:
    """Ends what goes on, but too slowly."""

    def __init__(self, patience: Patience, host: str) -> None:
        self._patience, self._host, self._started = patience, host, time.monotonic()

    def check(self, so_far: int) -> None:
        """A RegistryError, if ``so_far`` bytes are too few by now."""
        if time.monotonic() - self._started > self._patience.silence + so_far / self._patience.pace:
            raise slow(self._host, self._patience)


def slow(host: str, patience: Patience) -> RegistryError:
    return RegistryError(
        f"{host} is too slow: no answer in {patience.silence:g} s, or less than {patience.pace / 1000:g} kB a second",
        hint=_AGAIN,
        may_pass=True,
    )


class _As(requests.auth.AuthBase):
    """Who asks, and nobody where there is no ``authorization``: requests would look into netrc."""

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request


def _said(body: bytes) -> str:
    """What a registry says of an error, if it says it as registries do."""
    try:
        errors = json.loads(body)["errors"]
        said = [(each["message"], each.get("detail")) for each in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    words = "; ".join(f"{message} ({detail})" if detail else f"{message}" for message, detail in said)
    return f": {words[:_LONGEST]}" if words else ""


def _words(error: Exception) -> str:
    """The end of the chain of causes that the libraries made of it says it best."""
    text = str(error)
    for separator in ("Failed to establish a new connection: ", "Caused by "):
        text = text.rpartition(separator)[2]
    return re.sub(r"^\[Errno -?\d+\] ", "", text.rstrip(")\"'"))[:_LONGEST]


# For those who count what goes.
Count = Callable[[int], None]
