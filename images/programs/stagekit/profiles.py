"""*Profiles*: samples beside the seeded ones, each made to find other faults; and a program's outputs for them.

They travel as one .npz of arrays named profile/input, the outputs as profile/output. Integers are valid ids wherever
the seeded ones are. No profile has subnormal floats: runtimes may take them for 0.
"""

import time
import traceback

import numpy as np

from stagekit import arrays

NAMES = ("normal", "zeros", "ties", "large")
# Values that are equal to many others, or lie where functions bend and round.
GRID = np.array([-1, -0.5, 0, 0.5, 1])
LARGE = 1000
PIXELS_BELOW = 256
# How many uniform numbers a normal one is the sum of.
SUMMED = 4
# In seconds, for the sample and its profiles together: a slow model is run on fewer of them.
LONGEST = 0.5
# In bytes: a model of larger samples is too slow for any.
MOST = 64 * 1024**2


def seeded(samples, seed, pixels=()):
    """{profile: arrays by input} like these samples; empty where the samples are very large. ``pixels`` are the inputs
    whose integers go up to 255.
    """
    if sum(array.nbytes for array in samples.values()) > MOST:
        return {}
    # The seeded samples are of the seed itself, those of --calibration random of the next.
    streams = {name: np.random.RandomState((seed + 2 + at) % 2**32) for at, name in enumerate(NAMES)}
    return {
        name: {
            key: _made(name, stream, array, PIXELS_BELOW if key in pixels else arrays.INTEGER_SAMPLES_BELOW)
            for key, array in samples.items()
        }
        for name, stream in streams.items()
    }


def of(request, samples, pixels=()):
    """The profiles of the role in ``profiles``; where that is a role out, new ones like the samples, kept there."""
    if "profiles" in request.inputs:
        return split(arrays.read(request.inputs["profiles"]))
    made = {}
    if "profiles" in request.outputs:
        made = seeded(samples, request.parameters["seed"], pixels)
        arrays.write(request.outputs["profiles"], joined(made))
    return made


def timed(run, sample):
    """What ``run`` returns, and the seconds that it took."""
    started = time.perf_counter()
    computed = run(sample)
    return computed, time.perf_counter() - started


def each(request, samples, run, seconds, pixels=()):
    """Answer the role out ``profiled``, where there is one, with what ``run`` makes of the profiles, arrays by name.

    ``seconds`` is what the samples themselves took, ``pixels`` as `seeded` takes them. A profile for which no time is
    left, or which the model can't be run on, is not in the answer.
    """
    if "profiled" not in request.outputs:
        return
    computed, spent = {}, seconds
    for name, profile in of(request, samples, pixels).items():
        if spent + seconds > LONGEST:
            break
        started = time.perf_counter()
        try:
            computed[name] = run(profile)
        except Exception:  # noqa: BLE001 - a model may refuse what it is not made for, in whatever way
            traceback.print_exc()
        seconds = time.perf_counter() - started
        spent += seconds
    arrays.write(request.outputs["profiled"], joined(computed))


def joined(profiles):
    return {"{}/{}".format(name, key): array for name, found in profiles.items() for key, array in found.items()}


def split(named):
    """What `joined` joined. A name may have strokes of its own."""
    found = {}
    for name, array in named.items():
        profile, _, key = name.partition("/")
        found.setdefault(profile, {})[key] = array
    return found


def _made(profile, stream, like, most):
    if like.dtype.kind != "f":
        below = {"zeros": 1, "ties": 2}.get(profile, most)
        return stream.randint(0, min(below, 2) if like.dtype.kind == "b" else below, size=like.shape).astype(like.dtype)
    if profile == "zeros":
        return np.zeros(like.shape, like.dtype)
    if profile == "ties":
        return stream.choice(GRID, size=like.shape).astype(like.dtype)
    # Nearly normal: what is made with a logarithm is not the same to the bit on every processor.
    signed = (stream.uniform(size=(SUMMED, *like.shape)).sum(0) - SUMMED / 2) * (12 / SUMMED) ** 0.5
    return (signed * (LARGE if profile == "large" else 1)).astype(like.dtype)
