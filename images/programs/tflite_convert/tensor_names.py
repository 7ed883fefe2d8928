"""Which tensor of a .tflite file is which input and output of the SavedModel.

Functions that take a file's interpreter and the user's lists, [{name, key, shape, dtype}] with the signature's keys,
return the interpreter's details of inputs and outputs, both by the user's names, in their order.
"""

import numpy as np

from stagekit import arrays, interpreter


def by_position(opened, inputs, outputs):
    """For a converter that was given its tensors in the user's order: it keeps the order, and the number."""
    return (
        dict(zip([entry["name"] for entry in inputs], opened.get_input_details())),
        dict(zip([entry["name"] for entry in outputs], opened.get_output_details())),
    )


def as_signed(opened, inputs, outputs, signed):
    """For a file with the converter's own signature, [(key, index of the tensor)] of its inputs and its outputs."""
    details = {detail["index"]: detail for detail in opened.get_input_details() + opened.get_output_details()}
    sides = zip((inputs, outputs), map(dict, signed))
    return tuple({entry["name"]: details[index[entry["key"]]] for entry in entries} for entries, index in sides)


def by_signature(opened, inputs, outputs, model):
    """For `from_saved_model`, which keeps the names of the signature's tensors, in an order that is another every time.

    Outputs of one value, and those that are inputs, it makes one tensor, under one of their names. The others are then
    told by their values, TensorFlow's beside TFLite's on the same samples.
    """
    fed = _by_tensor(opened.get_input_details())
    fed = {entry["name"]: fed[model.inputs[entry["key"]].name] for entry in inputs}
    details = opened.get_output_details()
    known = _by_tensor(details)
    made = {entry["name"]: known.get(model.outputs[entry["key"]].name) for entry in outputs}
    if None in made.values():
        samples = arrays.seeded(inputs, seed=0)
        expected = model.run({entry["key"]: samples[entry["name"]] for entry in inputs})
        interpreter.feed(opened, fed, samples)
        interpreter.invoke(opened)
        values = [_real(opened.get_tensor(detail["index"]), detail) for detail in details]
        for entry in outputs:
            if made[entry["name"]] is None:
                distances = [_distance(expected[entry["key"]], value) for value in values]
                made[entry["name"]] = details[int(np.argmin(distances))]
    return fed, made


def _by_tensor(details):
    return {detail["name"]: detail for detail in details}


def _real(array, detail):
    """The numbers that quantized integers stand for; any other array as it is."""
    scale, zero_point = detail["quantization"]
    return ((array.astype(np.float64) - zero_point) * scale).astype(np.float32) if scale else array


def _distance(one, other):
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.inf
    return np.max(np.abs(one.astype(np.float64) - other.astype(np.float64)), initial=0.0)
