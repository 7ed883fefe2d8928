"""Arrays in files; from those of strangers they are read in Python, never unpickled, with a limit on memory.

numpy allocates what a header asks for, and zipfile inflates what an archive says; neither can be trusted.
"""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

# In bytes, for all arrays of a file together.
MOST = 4 * 1024**3

_SUFFIX = ".npy"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class NoArraysError(Exception):
    """The file is not in this format, is damaged, has something else than arrays of plain values, or is too large."""


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of an .npz file by name, in the file's order; they are read-only.

    Raises:
        NoArraysError: The file can't be read as such arrays.
    """
    try:
        _check_size(path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_size(sum(member.file_size for member in members))
            arrays = {}
            for member in members:
                with archive.open(member) as stream:
                    arrays[member.filename.removesuffix(_SUFFIX)] = _array(stream)
    except Exception as error:
        raise _refused(error) from error
    if len(arrays) < len(members):
        raise NoArraysError("two of its arrays have the same name")
    return arrays


def write(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Arrays as .npz, in order. The same arrays give the same bytes, and may have any name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}{_SUFFIX}"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def read_one(path: Path) -> NDArray[np.generic]:
    """The array of an .npy file; errors as those of `read`."""
    try:
        _check_size(path.stat().st_size)
        with path.open("rb") as stream:
            return _array(stream)
    except Exception as error:
        raise _refused(error) from error


def _array(stream: IO[bytes]) -> NDArray[np.generic]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise NoArraysError(f"an array has the unknown format {version}")
    shape, in_columns, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise NoArraysError("an array holds objects")
    content = stream.read()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content):
        raise NoArraysError(f"an array of {list(shape)} of {dtype} can't have {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if in_columns else "C")


def _check_size(size: int) -> None:
    if size > MOST:
        raise NoArraysError(f"it has {size / 1024**3:.3g} GiB, and pinlite reads {MOST / 1024**3:.3g} GiB at most")


def _refused(error: Exception) -> NoArraysError:
    """Any error that zipfile, zlib and numpy's header parser raise for hostile bytes, as a NoArraysError."""
    return error if isinstance(error, NoArraysError) else NoArraysError(str(error) or type(error).__name__)
