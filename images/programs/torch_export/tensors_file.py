"""Tensors from a file that torch.save wrote, without running anything that is in it.

A pickle is a program, and torch.load runs it. Here it may build containers and tensors, and nothing else; the storages
behind tensors are read and measured in Python, because torch 1.7.1 takes an archive's word for how long they are.
"""
# ruff: noqa: SLF001  # neither pickle nor torch has a public way to do less than everything

import ctypes
import io
import pickle
import types
import zipfile
from collections import OrderedDict

import torch
from torch import _utils, serialization

from stagekit import StageError

from .user_code import one_line

STORAGES = tuple(
    getattr(torch, kind + "Storage")
    for kind in (
        *("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"),
        *("ComplexFloat", "ComplexDouble"),
    )
)
TENSORS_ALONE = "save them alone, torch.save(model.state_dict(), FILE)"


class CodeError(Exception):
    """The file would run code."""


def _tensor(storage, offset, size, stride, *rest):
    """A tensor on a storage, which torch would make longer where it is too short, by whatever lies there."""
    if all(size) and offset + sum((count - 1) * step for count, step in zip(size, stride)) >= storage.size():
        raise ValueError("a tensor of {} numbers has a storage of {}".format(list(size), storage.size()))
    return _utils._rebuild_tensor_v2(storage, offset, size, stride, *rest)


ALLOWED = {(kind.__module__, kind.__name__): kind for kind in (OrderedDict, torch.Size, *STORAGES)}
ALLOWED["torch._utils", "_rebuild_tensor_v2"] = _tensor
ALLOWED["torch._utils", "_rebuild_parameter"] = _utils._rebuild_parameter


class Unpickler(pickle._Unpickler):
    """Builds tensors and plain containers. It is the one in Python, whose steps can be replaced."""

    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise CodeError("{}.{}".format(module, name))
        return ALLOWED[module, name]

    def load_build(self):
        """State is set on state_dicts alone, and of theirs only what torch gives them."""
        state, value = self.stack[-1], self.stack[-2]
        if type(value) is not OrderedDict or not isinstance(state, dict) or set(state) - {"_metadata"}:
            raise CodeError("the state of a {}".format(type(value).__name__))
        super().load_build()


Unpickler.dispatch = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: Unpickler.load_build}


def _load(stream, **options):
    return Unpickler(stream, **options).load()


def read(path):
    """What is in the file: tensors, numbers, strings, and containers of these.

    Raises a StageError of kind ``usage`` for a file that can't be read, or that holds anything else.
    """
    try:
        return _archive(path) if zipfile.is_zipfile(str(path)) else _stream(path)
    except MemoryError:
        raise
    except CodeError as error:
        message = "the file holds more than tensors: {}, which is not run".format(one_line(error))
        raise StageError("usage", message, TENSORS_ALONE) from error
    except Exception as error:
        # Bytes that are no pickle may raise anything.
        message = "torch {} can't read the file: {}: {}".format(
            torch.__version__, type(error).__name__, one_line(error) or "it is damaged"
        )
        raise StageError("usage", message, "write it with torch.save(model.state_dict(), FILE)") from error


def _archive(path):
    """The form since torch 1.6: a pickle, and a file for each storage."""
    with zipfile.ZipFile(str(path)) as archive:
        if any(name.endswith("/constants.pkl") for name in archive.namelist()):
            raise CodeError("TorchScript")
        (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        storages = {}

        def persistent_load(saved_id):
            kind, storage_type, key, _, size = saved_id
            if kind != "storage" or storage_type not in STORAGES:
                raise CodeError("a {}".format(kind))
            if key not in storages:
                storages[key] = _storage(
                    archive, pickled.replace("data.pkl", "data/{}".format(key)), storage_type, size
                )
            return storages[key]

        unpickler = Unpickler(io.BytesIO(archive.read(pickled)), encoding="utf-8")
        unpickler.persistent_load = persistent_load
        return unpickler.load()


def _storage(archive, name, storage_type, size):
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError("{} is compressed, as torch never writes it".format(name))
    content, storage = archive.read(member), storage_type(size)
    if len(content) != size * storage.element_size():
        raise ValueError("{} holds {} bytes, not {} numbers".format(name, len(content), size))
    ctypes.memmove(storage.data_ptr(), content, len(content))
    return storage


def _stream(path):
    """The form before: pickles and storages one after the other.

    From memory, because of a file torch would first ask whether it is a tar, the form of versions before 0.1.10.
    """
    restricted = types.SimpleNamespace(Unpickler=Unpickler, load=_load)
    stream = io.BytesIO(path.read_bytes())
    return serialization._legacy_load(stream, "cpu", restricted, encoding="utf-8")
