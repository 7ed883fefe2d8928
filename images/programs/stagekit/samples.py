"""The samples that a request brings, or seeded ones."""

from stagekit import arrays
from stagekit.errors import StageError


def of(request, specs):
    """Samples in the order of ``specs``, [{name, shape, dtype}], where None in a shape is a size left open.

    They are the request's role ``samples``; without it, seeded ones, of the shapes and dtypes that the parameter
    ``inputs`` gives for some, and the specs for the others. A StageError says what does not fit, or which size is
    missing.
    """
    if "samples" in request.inputs:
        samples = arrays.read(request.inputs["samples"])
    else:
        given = request.parameters["inputs"]
        named = {spec["name"] for spec in given}
        names = [spec["name"] for spec in specs]
        if not named.issubset(names):
            message = "--input names {}, the model's inputs are {}".format(", ".join(sorted(named)), ", ".join(names))
            raise StageError("usage", message, "name those that you give as the model does")
        others = _closed([spec for spec in specs if spec["name"] not in named])
        samples = arrays.seeded([*given, *others], request.parameters["seed"])
    return arrays.matching(samples, specs)


def of_batch(samples, batch, seed):
    """Seeded samples like these, with ``batch`` as the first size of each. A StageError says that they share none."""
    sizes = {name: array.shape[0] for name, array in samples.items() if array.ndim}
    if len(set(sizes.values())) != 1:
        raise StageError(
            "usage",
            "the inputs have no batch in common: their first sizes are {}".format(
                ", ".join("{} of {}".format(size, name) for name, size in sizes.items()) or "none"
            ),
            "the batch is the first dimension of every input: give all of them the same",
        )
    specs = arrays.describe(samples)
    return arrays.seeded([dict(spec, shape=spec["shape"] and [batch, *spec["shape"][1:]]) for spec in specs], seed)


def _closed(specs):
    for spec in specs:
        if None in spec["shape"]:
            shape = "x".join("?" if size is None else str(size) for size in spec["shape"])
            raise StageError(
                "usage",
                "input {!r} is {}: the model leaves a size open".format(spec["name"], shape),
                "give it, e.g. --input {}={}".format(spec["name"], shape.replace("?", "1")),
            )
    return specs
