"""Files of torch.save, torch.jit.save and torch.export.save: whether an early torch may have written them."""

import zipfile
from pathlib import Path

# Entries that torch 1.7.1 never writes: the first is TorchScript's from version 6 on, the others came with torch 2.
_LATER = (".data/version", ".data/serialization_id", "byteorder", ".format_version", ".storage_alignment")
_PROGRAM = ".pt2"
# What a TorchScript file says that it needs: torch 1.7.1 reads up to this.
_VERSION, _NEWEST, _LONGEST = "version", 5, 8


def is_later(path: Path) -> bool:
    """Whether the file says that a torch later than 1.7.1 wrote it; no for one that says nothing."""
    if path.suffix == _PROGRAM:
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            # Below one folder, whatever its name.
            members = {name.partition("/")[2]: name for name in archive.namelist()}
            return not members.keys().isdisjoint(_LATER) or _version(archive, members.get(_VERSION)) > _NEWEST
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        return False  # torch itself says what is wrong with it


def _version(archive: zipfile.ZipFile, member: str | None) -> int:
    if member is None:
        return 0
    with archive.open(member) as stream:
        text = stream.read(_LONGEST).strip()
    return int(text) if text.isdigit() else 0
