"""Labelled samples, run where a request brings them: a model is scored on their outputs."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stagekit import arrays


def each(request, run, another=None):
    """Answer the role ``evaluation``, where there is one: arrays [samples, *shape of the input] by the input's name.

    ``run`` takes one sample, arrays by name, and returns the outputs, the same way. They go to the role ``evaluated``,
    [samples, *shape of the output]. ``another``, where it is given, makes one more such function, which may run in a
    thread beside others: there is one for each processor then.
    """
    if "evaluation" not in request.inputs:
        return
    samples = arrays.read(request.inputs["evaluation"])
    count = len(next(iter(samples.values())))
    beside = min(len(os.sched_getaffinity(0)), count) - 1 if another else 0
    runs = [run, *(another() for _ in range(beside))]

    def share(first):
        return [
            runs[first]({name: array[at] for name, array in samples.items()}) for at in range(first, count, len(runs))
        ]

    with ThreadPoolExecutor(len(runs)) as threads:
        shares = list(threads.map(share, range(len(runs))))
    made = [shares[at % len(runs)][at // len(runs)] for at in range(count)]
    arrays.write(request.outputs["evaluated"], {name: np.stack([one[name] for one in made]) for name in made[0]})
