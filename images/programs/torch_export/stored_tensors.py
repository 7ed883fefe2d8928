"""Tensors that lie in a file of weights, each read when it is wanted: a checkpoint has more than a model takes."""

import contextlib
import ctypes

import torch

from stagekit import StageError
from stagekit.errors import pass_on

from .user_code import one_line

# Beyond what torch counts with.
LARGEST = 2**63


class Storage:
    """``count`` numbers of a dtype in a row, whose bytes ``content()`` gives."""

    def __init__(self, dtype, count, content):
        self.dtype = dtype
        self.count = count
        self._content = content

    def read(self):
        """The numbers as a tensor of rank 1. Raises ValueError where there are not as many as there should be."""
        content = self._content()
        if len(content) != size_of(self.dtype) * self.count:
            raise ValueError("{} bytes are no {} numbers of {}".format(len(content), self.count, self.dtype))
        numbers = torch.empty(self.count, dtype=self.dtype)
        ctypes.memmove(numbers.data_ptr(), content, len(content))
        return numbers


class StoredTensor:
    """A tensor of a shape and a dtype. Raises ValueError where its storage is too short for it.

    It is no torch.Tensor: what a hostile file does with it is an error.
    """

    def __init__(self, storage, offset, shape, stride):
        numbers = [offset, *shape, *stride]
        if len(shape) != len(stride) or not all(type(number) is int and 0 <= number < LARGEST for number in numbers):
            raise ValueError("a tensor's place in its storage is {}".format([offset, shape, stride]))
        if all(shape) and offset + sum((size - 1) * step for size, step in zip(shape, stride)) >= storage.count:
            raise ValueError("a tensor of {} numbers has a storage of {}".format(list(shape), storage.count))
        self.dtype = storage.dtype
        self.shape = tuple(shape)
        self._storage, self._offset, self._stride = storage, offset, tuple(stride)

    def read(self):
        """The torch.Tensor."""
        return self._storage.read().as_strided(self.shape, self._stride, self._offset)


def size_of(dtype):
    """The bytes of one number."""
    return torch.empty(0, dtype=dtype).element_size()


def part_of(path, first, length):
    """Bytes of a file, fewer where it ends before."""
    with path.open("rb") as stream:
        stream.seek(first)
        return stream.read(length)


@contextlib.contextmanager
def reading(hint):
    """Turn what a damaged or lying file raises into a StageError of kind ``usage``, with the hint how to write it."""
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        pass_on(error)
        # Bytes that are no pickle may raise anything.
        message = "the weights can't be read: {}: {}".format(type(error).__name__, one_line(error) or "damaged")
        raise StageError("usage", message, hint) from error
