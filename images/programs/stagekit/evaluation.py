"""Labelled samples, run one after the other where a request brings them: a model is scored on their outputs."""

import numpy as np

from stagekit import arrays


def each(request, run):
    """Answer the role ``evaluation``, where there is one: arrays [samples, *shape of the input] by the input's name.

    ``run`` takes one sample, arrays by name, and returns the outputs, the same way. They go to the role ``evaluated``,
    [samples, *shape of the output].
    """
    if "evaluation" not in request.inputs:
        return
    samples = arrays.read(request.inputs["evaluation"])
    count = len(next(iter(samples.values())))
    made = [run({name: array[at] for name, array in samples.items()}) for at in range(count)]
    arrays.write(request.outputs["evaluated"], {name: np.stack([one[name] for one in made]) for name in made[0]})
