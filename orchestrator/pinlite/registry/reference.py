"""A repository of a registry, and what has a name or a digest in it, as text: ``oci://HOST[:PORT]/NAME[:TAG]``."""

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Self

from pinlite.errors import UsageError

SCHEME = "oci://"

# As https://github.com/opencontainers/distribution-spec has them.
_HOST = (
    r"(?P<host>localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:\d)|\[[0-9a-fA-F:]+\])(:(?P<port>\d{1,5}))?"
)
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_REFERENCE = re.compile(rf"{_HOST}/(?P<name>{_PART}(/{_PART})*)(:(?P<tag>{_TAG}))?(@(?P<digest>{_DIGEST}))?")
_LONGEST = 255
_FORM = "write oci://HOST[:PORT]/NAME with a name of small letters, such as oci://registry.example.com/team/images"


@dataclass(frozen=True)
class Reference:
    """``host`` may have a port; ``tag`` and ``digest`` (``sha256:...``) are "" where the whole repository is meant."""

    host: str
    name: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A reference as it is given to an option; ``oci://`` may be left out. A UsageError says how to write it."""
        found = _REFERENCE.fullmatch(text.removeprefix(SCHEME))
        if not found or len(found["name"]) > _LONGEST or int(found["port"] or 1) not in range(1, 2**16):
            raise UsageError(f"{text!r} is no repository of a registry", hint=_FORM)
        host = found["host"].lower() + (f":{found['port']}" if found["port"] else "")
        return cls(host, found["name"], found["tag"] or "", found["digest"] or "")

    def __str__(self) -> str:
        return SCHEME + self.plain

    @property
    def plain(self) -> str:
        """As docker writes it."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.host}/{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def repository(self) -> Self:
        """Without tag and digest."""
        return replace(self, tag="", digest="")

    def below(self, part: str) -> Self:
        """A repository whose name goes on with ``/part``."""
        return replace(self.repository, name=f"{self.name}/{part}")

    def tagged(self, tag: str) -> Self:
        return replace(self, tag=tag, digest="")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, which docker trusts without TLS."""
        host = re.sub(r":\d+$", "", self.host).strip("[]")
        if host == "localhost":
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False
