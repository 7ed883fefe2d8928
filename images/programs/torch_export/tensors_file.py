"""What torch.save wrote to a file, without running anything that is in it.

A pickle is a program, and torch.load runs it. Here it may build containers, numbers, strings and `StoredTensor`; for
every class and function that it names besides there is an `Inert`, so that none is imported or called. Storages are
measured and read in Python, because torch 1.7.1 takes an archive's word for how long they are.
"""
# ruff: noqa: SLF001  # pickle has no public way to do less than everything

import functools
import pickle
import struct
import zipfile
from collections import OrderedDict

import torch

from stagekit import StageError

from .stored_tensors import Storage, StoredTensor, part_of, reading, size_of
from .user_code import one_line

STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}
WRITE = "write it with torch.save(model.state_dict(), FILE)"
TENSORS_ALONE = "save them alone, torch.save(model.state_dict(), FILE)"
MAGIC_NUMBER, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
COUNT = struct.Struct("<q")


class CodeError(Exception):
    """The file would run code."""


class Inert:
    """What stands for a class or function that a file names, and for all that it would make; it keeps nothing."""

    def __init__(self, name):
        self.name = name

    def __call__(self, *_):
        return Inert(self.name)

    def __setitem__(self, _key, _value):
        pass

    def append(self, _value):
        pass

    add = extend = append


def _tensor(storage, offset, size, stride, *_):
    """Of ``torch._utils._rebuild_tensor_v2``, whose last two arguments are for gradients."""
    return storage if isinstance(storage, Inert) else StoredTensor(storage, offset, size, stride)


def _newer_tensor(_storage, _offset, _size, _stride, _gradient, _hooks, dtype, *_):
    """Of a dtype that no storage has a name for: float8, or an unsigned one."""
    return Inert("a tensor of {}".format(dtype.name))


def _first(value, *_):
    return value


ALLOWED = {("torch", name): dtype for name, dtype in STORAGES.items()}
ALLOWED["collections", "OrderedDict"] = OrderedDict
ALLOWED["torch", "Size"] = torch.Size
ALLOWED["torch._utils", "_rebuild_tensor_v2"] = _tensor
ALLOWED["torch._utils", "_rebuild_tensor_v3"] = _newer_tensor
ALLOWED["torch._utils", "_rebuild_parameter"] = _first
ALLOWED["torch._utils", "_rebuild_parameter_with_state"] = _first


class Unpickler(pickle._Unpickler):
    """Builds containers and `StoredTensor`. It is the one in Python, whose steps can be replaced.

    ``storage(kind, key, count)`` gives what a tensor's numbers are in.
    """

    def __init__(self, stream, storage=None):
        super().__init__(stream, encoding="utf-8")
        self._storage = storage

    def find_class(self, module, name):
        return ALLOWED.get((module, name)) or Inert("{}.{}".format(module, name))

    def persistent_load(self, pid):
        if self._storage and pid[0] == "storage":
            _, kind, key, _, count, *_ = pid
            return kind if isinstance(kind, Inert) else self._storage(kind, key, count)
        return Inert("a {}".format(pid[0]))

    def load_newobj(self):
        """What is not built by a function is an instance of a class."""
        arguments = self.stack.pop()
        self._made(self.stack.pop(), arguments)

    def load_newobj_ex(self):
        keywords, arguments = self.stack.pop(), self.stack.pop()
        self._made(self.stack.pop(), arguments, keywords)

    def _made(self, kind, *_):
        if not isinstance(kind, Inert):
            raise CodeError("an instance of {}".format(kind))
        self.append(kind())

    def load_build(self):
        """State is set on state_dicts alone, and of theirs only what torch gives them."""
        state, value = self.stack.pop(), self.stack[-1]
        if isinstance(value, Inert):
            return
        if type(value) is not OrderedDict or not isinstance(state, dict) or set(state) - {"_metadata"}:
            raise CodeError("the state of a {}".format(type(value).__name__))
        value.__dict__.update(state)


Unpickler.dispatch = {
    **pickle._Unpickler.dispatch,
    pickle.NEWOBJ[0]: Unpickler.load_newobj,
    pickle.NEWOBJ_EX[0]: Unpickler.load_newobj_ex,
    pickle.BUILD[0]: Unpickler.load_build,
}


def read(path):
    """What is in the file: `StoredTensor`, numbers, strings, containers of these, and `Inert` for all else.

    Raises a StageError of kind ``usage`` for a file that can't be read.
    """
    with reading(WRITE):
        try:
            return _archive(path) if zipfile.is_zipfile(str(path)) else _stream(path)
        except CodeError as error:
            message = "the file holds more than tensors: {}, which is not run".format(one_line(error))
            raise StageError("usage", message, TENSORS_ALONE) from error


def _archive(path):
    """The form since torch 1.6: a pickle, and a file for each storage."""
    with zipfile.ZipFile(str(path)) as archive:
        names = archive.namelist()
        if any(name.endswith("/constants.pkl") for name in names):
            raise CodeError("TorchScript")
        pickled = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickled) != 1:
            raise ValueError("an archive without a pickle")
        folder = pickled[0][: -len("data.pkl")]
        if folder + "byteorder" in names and archive.read(folder + "byteorder") != b"little":
            raise ValueError("its numbers have another order of bytes")

        def storage(kind, key, count):
            name = "{}data/{}".format(folder, key)
            member = archive.getinfo(name)
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError("{} is compressed, as torch never writes it".format(name))
            if member.file_size != size_of(kind) * count:
                raise ValueError("{} holds {} bytes, not {} numbers".format(name, member.file_size, count))
            return Storage(kind, count, functools.partial(_member, path, name))

        with archive.open(pickled[0]) as stream:
            return Unpickler(stream, storage).load()


def _member(path, name):
    with zipfile.ZipFile(str(path)) as archive:
        return archive.read(name)


def _stream(path):
    """The form before: pickles and storages one after the other."""
    size, storages = path.stat().st_size, {}

    def storage(kind, key, count):
        if size_of(kind) * count > size:
            raise ValueError("storage {} has {} numbers, the file {} bytes".format(key, count, size))
        return storages.setdefault(key, Storage(kind, count, lambda: part_of(path, *places[key])))

    with path.open("rb") as stream:
        if (Unpickler(stream).load(), Unpickler(stream).load()) != (MAGIC_NUMBER, PROTOCOL):
            raise ValueError("it is no file of torch.save")
        Unpickler(stream).load()  # about the machine that wrote it
        value = Unpickler(stream, storage).load()
        places = _places(stream, Unpickler(stream).load(), storages)
    return value


def _places(stream, keys, storages):
    """(the first byte, how many bytes) of each storage in the stream, by key."""
    places = {}
    for key in keys:
        (count,) = COUNT.unpack(stream.read(COUNT.size))
        if count != storages[key].count:
            raise ValueError("storage {} holds {} numbers, not {}".format(key, count, storages[key].count))
        length = size_of(storages[key].dtype) * count
        places[key] = stream.tell(), length
        stream.seek(length, 1)
    return places
