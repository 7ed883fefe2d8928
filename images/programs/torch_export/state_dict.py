"""Weights from a file: the state_dict in it that fits the model."""

import itertools
from collections import Counter, OrderedDict

import torch

from stagekit import StageError

from . import safetensors_file, tensors_file
from .stored_tensors import StoredTensor, reading
from .user_code import one_line

SHOWN = 5
# Checkpoints keep a state_dict below a few dicts.
DEEPEST = 6
# No model's names are longer, in characters; nor are more parts of a file tried, when none of it fits.
LONGEST, MOST_PARTS = 1000, 20


def load(model, path, key=""):
    """Load a state_dict into a model, strictly; return a note on what was chosen or renamed to make it fit, or "".

    ``key`` says where in the file it is, ``ema.model``; without it, it is the one that fits. Prefixes that all keys of
    one side have in common may differ. Numbers are cast to the model's dtypes.

    Raises a StageError of kind ``usage`` that names the keys that are missing, unexpected or of another shape, or the
    state_dicts that there are.
    """
    found = _state_dicts(path, key)
    attempts = [attempt for place, state in found.items() for attempt in _attempts(model, place, state)]
    fitting = {}
    for attempt in attempts:
        if not attempt.problems:
            fitting.setdefault(attempt.place, attempt)
    if not fitting:
        nearest = min(attempts, key=lambda attempt: attempt.misfits)
        what = "the weights {}don't fit the model: {}".format(_at(nearest.place, key), "; ".join(nearest.problems))
        raise StageError("usage", what, _parts(model, found) or nearest.advice(model))
    if len(fitting) > 1:
        message = "the file holds {} state_dicts that fit the model".format(len(fitting))
        raise StageError("usage", message, "choose one: {}".format(", ".join(map(_option, fitting))))
    (attempt,) = fitting.values()
    with reading("copy the file anew"):
        read = OrderedDict((name, stored.read()) for name, stored in attempt.state.items())
    _loaded(model, read, attempt.versions)
    return attempt.note(key)


class Attempt:
    """A state_dict, with the prefix ``off`` taken off its keys and ``on`` put before them, and what keeps it from
    fitting the model: ``problems`` in words, ``misfits`` by number.
    """

    def __init__(self, model, place, state, off, on):
        self.place, self._off, self._on = place, off, on
        self.state = OrderedDict((on + name[len(off) :], stored) for name, stored in state.items())
        self.versions = _versions(state, off, on)
        own = model.state_dict()
        shapes = [
            "{} {} instead of {}".format(name, list(self.state[name].shape), list(own[name].shape))
            for name in own
            if name in self.state and self.state[name].shape != tuple(own[name].shape)
        ]
        # A module may know older names of its keys: only loading tells which are missing. The numbers come later.
        blank = OrderedDict(
            (name, torch.zeros((), dtype=stored.dtype).expand(stored.shape))
            for name, stored in self.state.items()
            if name not in own or stored.shape == tuple(own[name].shape)
        )
        missing, unexpected = _loaded(model, blank, self.versions)
        missing = [name for name in missing if name not in self.state]
        kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        self.misfits = sum(len(names) for _, names in kinds)
        self.problems = ["{} {}: {}".format(len(names), what, _listed(names)) for what, names in kinds if names]

    def advice(self, model):
        """What to do where the state_dict does not fit."""
        known = self.state.keys() & model.state_dict().keys()
        if not known:
            return (
                "no name of theirs is one of the model's: give the weights of this model, or the model of these weights"
            )
        if len(known) == len(self.state) == len(model.state_dict()):
            return "build the model with the sizes that it was trained with, as its width and its number of classes"
        return (
            "{} of their {} names are the model's, which has {}: build the model as it was trained, with the same "
            "arguments and the same version of its code".format(len(known), len(self.state), len(model.state_dict()))
        )

    def note(self, key):
        """What was done that nobody asked for, in words, or ""."""
        changes = []
        if self.place != key:
            changes.append("the state_dict {!r} of the file".format(self.place))
        if self._off:
            changes.append("without the prefix {!r} of its keys".format(self._off))
        if self._on:
            changes.append("with the prefix {!r} before its keys".format(self._on))
        return (changes and "--weights: loaded {}".format(", ".join(changes))) or ""


def _attempts(model, place, state):
    """The ways to make a state_dict fit, that of the least change first. The first, unchanged, comes always."""
    own = model.state_dict()
    ways = sorted(itertools.product(_prefixes(state), _prefixes(own)), key=lambda way: len(way[0]) + len(way[1]))
    for off, on in ways:
        if not (off or on) or any(on + name[len(off) :] in own for name in state):
            yield Attempt(model, place, state, off, on)


def _prefixes(names):
    """The dotted prefixes that all names have in common, the shortest first: that is ""."""
    parts = [name.split(".", DEEPEST)[:-1] for name in names]
    shared = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*parts))
    return ["", *itertools.accumulate(level[0] + "." for level in shared)]


def _loaded(model, state, versions):
    """Load what there is; return the keys that are missing, and those that the model lacks."""
    state._metadata = versions  # noqa: SLF001 - where torch keeps it
    try:
        return model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise StageError("usage", "the weights don't fit the model: {}".format(one_line(error))) from error


def _versions(state, off, on):
    """The versions of the modules in a state_dict, by their names once its keys are renamed, as torch keeps them."""
    given, found = getattr(state, "_metadata", None), OrderedDict()
    for name, entry in given.items() if isinstance(given, dict) else ():
        version = entry.get("version") if isinstance(entry, dict) else None
        if isinstance(name, str) and isinstance(version, int) and (name + ".").startswith(off):
            found[(on + (name + ".")[len(off) :]).rstrip(".")] = {"version": version}
    return found


def _state_dicts(path, key):
    """The state_dicts in a file, or in what is at a key there, by where they are; at least one."""
    held = safetensors_file.read(path) if safetensors_file.is_one(path) else tensors_file.read(path)
    value = _below(held, key)
    if value is None:
        there = [place for place, _ in _walked(held, "", set())]
        hint = "it has {}".format(_listed(map(_option, there))) if there else tensors_file.TENSORS_ALONE
        raise StageError("usage", "the file of the weights has no {}".format(key), hint)
    found = dict(_walked(value, key, set()))
    if not found:
        raise StageError("usage", "the weights {}".format(_no_state_dict(value)), tensors_file.TENSORS_ALONE)
    longest = max(len(name) for state in found.values() for name in state)
    if longest > LONGEST:
        message = "the file of the weights has a name of {} characters".format(longest)
        raise StageError("usage", message, "give the file that a model's weights were saved to")
    return found


def _below(value, key):
    """What is at a dotted key in dicts; or the tensors of a dict whose names begin with it. None without any."""
    if not key or not isinstance(value, dict):
        return None if key else value
    for name, inner in value.items():
        if key == str(name) or key.startswith("{}.".format(name)):
            found = _below(inner, key[len(str(name)) + 1 :])
            if found is not None:
                return found
    return _part(value, key + ".")


def _part(state, prefix):
    """The tensors whose names begin with a prefix, under the rest of their names; None without any."""
    part = OrderedDict(
        (name[len(prefix) :], value)
        for name, value in state.items()
        if isinstance(name, str) and name.startswith(prefix)
    )
    if not part:
        return None
    part._metadata = _versions(state, prefix, "")  # noqa: SLF001 - where torch keeps it
    return part


def _walked(value, place, seen):
    """Every dict of nothing but named tensors, by where it is; what several places share is at the first."""
    if not isinstance(value, dict) or id(value) in seen or place.count(".") > DEEPEST:
        return
    seen.add(id(value))
    if value and all(isinstance(name, str) and _is_tensor(each) for name, each in value.items()):
        yield place, value
        return
    for name, inner in value.items():
        yield from _walked(inner, "{}.{}".format(place, name) if place else str(name), seen)


def _no_state_dict(value):
    """What a value is instead, in words."""
    if not isinstance(value, dict):
        return "are {}, no state_dict".format(_kind(value))
    foreign = ["{} ({})".format(name, _kind(each)) for name, each in value.items() if not _is_tensor(each)]
    if len(foreign) < len(value):
        return "hold something else than tensors: {}".format(_listed(foreign))
    return "are a dict of {}, no state_dict".format(_listed(map(str, value)) or "nothing")


def _is_tensor(value):
    return isinstance(value, StoredTensor)


def _kind(value):
    return value.name if isinstance(value, tensors_file.Inert) else "a value of type {}".format(type(value).__name__)


def _parts(model, found):
    """A hint that names the parts of state_dicts that fit by themselves, or ""."""
    fitting, wanted = [], len(model.state_dict())
    for place, state in found.items():
        sizes = Counter(name[: at + 1] for name in state for at, sign in enumerate(name) if sign == ".")
        # Old files lack a BatchNorm's count of batches.
        large = [prefix for prefix, size in sizes.items() if wanted / 2 <= size < len(state)]
        fitting += [
            _option("{}.{}".format(place, prefix).strip("."))
            for prefix in large[:MOST_PARTS]
            if not all(attempt.problems for attempt in _attempts(model, place, _part(state, prefix)))
        ]
    return "a part of them fits: {}".format(_listed(fitting)) if fitting else ""


def _option(place):
    return "--weights FILE{}".format("#" + place if place else "")


def _at(place, key):
    return "" if place == key else "at {} ".format(place)


def _listed(names):
    names = list(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
