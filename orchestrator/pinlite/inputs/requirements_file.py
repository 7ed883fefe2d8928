"""A file of requirements, as pip reads them: one to a line, some with hashes."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from pinlite.errors import UsageError
from pinlite.inputs.paths import existing_file

_HASH = re.compile(r"\s--hash=(\S+)")
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
_COMMENT = re.compile(r"(^|\s)#.*")
_ALONE = "leave the line out; a wheel or a package's folder goes to --with by itself"


@dataclass(frozen=True)
class Line:
    """A requirement, and the sha256 of the files that it allows: any file where it names none."""

    requirement: str
    allowed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return Requirement(self.requirement).name

    @property
    def is_pinned(self) -> bool:
        """Whether it names one version."""
        specifiers = [*Requirement(self.requirement).specifier]
        return len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in specifiers[0].version


def read(path: Path) -> tuple[Line, ...]:
    """A UsageError for a line that is no requirement by name: an option of pip's, a path, an address."""
    text = existing_file(path).read_text(errors="replace").replace("\\\n", " ")
    lines = (_COMMENT.sub("", line).strip() for line in text.splitlines())
    return tuple(_line(f"{path}: {line[:80]!r}", line) for line in lines if line)


def _line(where: str, text: str) -> Line:
    hashes = [_SHA256.fullmatch(each) for each in _HASH.findall(text)]
    try:
        found = Requirement(_HASH.sub("", text))
    except InvalidRequirement:
        raise UsageError(f"{where} is not a requirement", hint=_ALONE) from None
    if found.url:
        raise UsageError(f"{where} names an address, not a version", hint=_ALONE)
    if None in hashes:
        raise UsageError(f"{where} has a hash that is no sha256", hint="pinlite holds files to sha256 alone")
    return Line(str(found), frozenset(each[1] for each in hashes if each))
