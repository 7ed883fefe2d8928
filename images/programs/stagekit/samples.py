"""The samples that a request brings, or seeded ones."""

from stagekit import arrays
from stagekit.errors import StageError


def of(request, specs, bounds=None):
    """Samples in the order of ``specs``, [{name, shape, dtype}], where None in a shape is a size left open, and None in
    its place a shape that is. ``bounds`` are those of integers, as `arrays.seeded` has them.

    They are the request's role ``samples``; without it, seeded ones, of the shapes and dtypes that the parameter
    ``inputs`` gives for some, and the specs for the others. A StageError says what does not fit, or which size is
    missing, or that there are no inputs.
    """
    if not specs:
        raise StageError(
            "model",
            "the model has no inputs: it computes the same numbers each time, and TFLite has no such files",
            "keep the numbers in place of the model; or make what changes them an input",
        )
    if "samples" in request.inputs:
        samples = arrays.read(request.inputs["samples"])
    else:
        samples = arrays.seeded(_given(request.parameters["inputs"], specs), request.parameters["seed"], bounds)
    return arrays.matching(samples, specs)


def check_open_batch(specs, batched):
    """Raise a StageError unless the inputs of an ONNX file that are ``batched``, as for `of_batch`, leave their first
    sizes open.
    """
    for spec in specs:
        is_batched = spec["name"] in batched if batched else spec["shape"]
        if is_batched and spec["shape"] and spec["shape"][0] is not None:
            raise StageError(
                "usage",
                "the batch of input {!r} is fixed in the ONNX file: {}".format(spec["name"], spec["shape"]),
                "export it with dynamic_axes={{{!r}: {{0: 'batch'}}, ...}}, for inputs and outputs".format(
                    spec["name"]
                ),
            )


def of_batch(samples, batch, batched, seed, bounds=None):
    """Seeded samples like these, with ``batch`` as the first size of the inputs ``batched``, of all where that is
    empty. A StageError says that these have no size in common.
    """
    for name in batched:
        if name not in samples:
            raise StageError(
                "usage",
                "--dynamic names {!r}, the inputs of the model are {}".format(name, ", ".join(samples)),
                "give the name of one of them",
            )
    sizes = {name: array.shape[:1] for name, array in samples.items() if (name in batched if batched else array.ndim)}
    if len(set(sizes.values())) != 1 or () in sizes.values():
        raise StageError(
            "usage",
            "the inputs have no batch in common: their first sizes are {}".format(
                ", ".join("{} of {}".format(*(size or ("none",)), name) for name, size in sizes.items()) or "none"
            ),
            "give the first dimensions one size, or name the inputs that have a batch: --dynamic NAME.0=batch",
        )
    specs = arrays.describe(samples)
    wider = [dict(spec, shape=[batch, *spec["shape"][1:]]) if spec["name"] in sizes else spec for spec in specs]
    return arrays.seeded(wider, seed, bounds)


def _given(inputs, specs):
    """The shape and dtype of each input: those that the user gives, then those of the model."""
    known = [spec["name"] for spec in specs]
    for name in [spec["name"] for spec in inputs]:
        if name not in known:
            raise StageError(
                "usage",
                "--input names {!r}, the inputs of the model are {}".format(name, ", ".join(known) or "none"),
                "give the name of one of them",
            )
    given = {spec["name"] for spec in inputs}
    return [*inputs, *_closed(spec for spec in specs if spec["name"] not in given)]


def _closed(specs):
    closed = []
    for spec in specs:
        if spec["shape"] is None:
            raise StageError(
                "usage",
                "the model does not say what shape input {!r} has".format(spec["name"]),
                "give it, e.g. --input {}=1x3x224x224:{}".format(spec["name"], spec["dtype"]),
            )
        if None in spec["shape"]:
            shape = "x".join("?" if size is None else str(size) for size in spec["shape"])
            raise StageError(
                "usage",
                "input {!r} is {}: the model leaves a size open".format(spec["name"], shape),
                "give it, e.g. --input {}={}".format(spec["name"], shape.replace("?", "1")),
            )
        closed.append(spec)
    return closed
