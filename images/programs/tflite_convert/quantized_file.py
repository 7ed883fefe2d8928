"""What a .tflite file computes in integers, and what in floats."""

from collections import Counter

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from stagekit import StageError

from . import file_tables

FLOATS = ("float32", "float16", "float64")
INTEGERS = ("int8", "uint8", "int16")
# Between integers and floats: they are where a file turns from the one to the other, and compute nothing.
BETWEEN = ("QUANTIZE", "DEQUANTIZE")
MOST_NAMED = 10
ALLOW_FLOATS = "--variant int8 leaves these in floats; else replace them in the model by others, or move them out of it"
MASK_FINITELY = "leave this variant out; or let the model mask with a number that is near to its others, as -50 is"
PAD_FINITELY = "leave this variant out; or pad with zeros behind a ReLU, before a maximum that is not padded itself"
# Steps of 8 and of 16 bits are larger in a range that begins at the lowest float, in which nothing else has one.
ENDLESS = np.finfo(np.float32).max / 2**17


class File(file_tables.File):
    """A .tflite file, read from its bytes."""

    def summary(self):
        """{tensors, per_channel, float_operators, integer_operators} for the report.

        That is how many tensors are quantized, how many of those have a scale per channel, the operators that compute
        in floats, counted by name, and those that give quantized integers, by name and their type. Half-pixel centres
        are part of a resizing's name.
        """
        quantized = self._quantized()
        floats = Counter(name for name, _ in self.float_operators())
        return {
            "tensors": len(quantized),
            "per_channel": sum(tensor.scales > 1 for tensor in quantized),
            "float_operators": {name: floats[name] for name in sorted(floats)},
            "integer_operators": self._integer_operators(),
        }

    def float_operators(self):
        """[(operator, the names of its outputs)] of those that read or write floats."""
        return [
            (operator.kind, [graph.tensors[place].name.decode() for place in operator.outputs])
            for graph in self.graphs
            for operator in graph.operators
            if operator.kind not in BETWEEN
            and any(graph.tensors[place].type in FLOATS for place in operator.inputs + operator.outputs if place >= 0)
        ]

    def refuse_endless(self):
        """Raise a StageError of kind ``model`` that names the tensors whose steps are not finite, if any are."""
        found = [tensor.name.decode() for tensor in self._quantized() if not _has_steps(tensor)]
        if found:
            message = "integers have no steps for {}: infinities, values that are no numbers, or next to 0"
            raise StageError("model", message.format(", ".join(found[:MOST_NAMED])), MASK_FINITELY)

    def refuse_lowest(self):
        """Raise a StageError of kind ``model`` that names the tensors whose range begins at the lowest float, if any
        do: runtimes give zeros for them, or end.
        """
        found = [
            tensor.name.decode() for tensor in self._quantized() if tensor.quantization.ScaleAsNumpy().max() > ENDLESS
        ]
        if found:
            message = "integers have no steps for {}: the range goes to the lowest float, with which maxima are padded"
            raise StageError("model", message.format(", ".join(found[:MOST_NAMED])), PAD_FINITELY)

    def _quantized(self):
        """The tensors that have scales."""
        return [tensor for tensor in self.tensors if tensor.scales]

    def _integer_operators(self):
        found = {}
        for graph in self.graphs:
            for operator in graph.operators:
                written = graph.tensors[operator.outputs[0]] if operator.outputs else None
                if written and written.type in INTEGERS and written.scales and operator.kind not in BETWEEN:
                    types = found.setdefault(operator.kind + _half_pixel(operator.table), Counter())
                    types[written.type] += 1
        return {name: dict(sorted(found[name].items())) for name in sorted(found)}

    def ranges(self, named):
        """[{name, elements, scale, zero_point}] of int8 inputs and of what operators compute in int8, in one graph.

        A name is an ONNX node's, several of a tensor that several give and of several tensors of a node the last one's,
        or an input's or output's, which are ``named`` by the places of tensors. What is `BETWEEN` integers and floats
        has the range of the integers.
        """
        graph, beside = self.graphs[0], {}
        # What is computed of equal constants has the names of all of them.
        constants = {part for tensor in graph.tensors if self.has_numbers(tensor) for part in _parts(tensor)}
        computed = []
        for operator in graph.operators:
            if operator.kind in BETWEEN:
                ends = operator.inputs[0], operator.outputs[0]
                for one, other in (ends, ends[::-1]):
                    beside.setdefault(one, []).append(other)
            else:
                computed += operator.outputs
        found = {}
        for index in (*graph.inputs, *computed):
            places = (index, *beside.get(index, ()))
            tensors = [graph.tensors[each] for each in places]
            integers = [each for each in tensors if each.type == "int8" and each.scales]
            parts = [part for tensor in tensors for part in _parts(tensor) if part not in constants]
            names = [part.partition("/")[0] for part in parts] + [named[each] for each in places if each in named]
            for name in names if integers else ():
                found[name] = {
                    "name": name,
                    "elements": int(np.prod(tensors[0].shape)),
                    "scale": float(integers[0].quantization.Scale(0)),
                    "zero_point": int(integers[0].quantization.ZeroPoint(0)),
                }
        return [*found.values()]

    def step(self, index):
        """(scale, zero point) of a tensor of the first graph, or None where it is not quantized.

        Those of a float are those of the integers that it becomes or is made of.
        """
        graph = self.graphs[0]
        beside = [index]
        for operator in graph.operators:
            ends = operator.inputs[:1] + operator.outputs[:1]
            if operator.kind in BETWEEN and index in ends:
                beside += ends
        tensor = next((tensor for tensor in map(graph.tensors.__getitem__, beside) if tensor.scales == 1), None)
        if tensor is None:
            return None
        return float(tensor.quantization.Scale(0)), int(tensor.quantization.ZeroPoint(0))


def refuse_floats(content):
    """Raise a StageError of kind ``model`` that names the operators of a file that compute in floats, if any do."""
    found = File(content).float_operators()
    if found:
        named = ["{} ({})".format(name, ", ".join(written)) for name, written in found[:MOST_NAMED]]
        more = " and {} more".format(len(found) - MOST_NAMED) if len(found) > MOST_NAMED else ""
        message = "{} operator(s) compute in floats: {}{}".format(len(found), ", ".join(named), more)
        raise StageError("model", message, ALLOW_FLOATS)


def _parts(tensor):
    """The names of those of TensorFlow's operators that a tensor is of."""
    return tensor.name.decode().split(";")


def _half_pixel(operator):
    if operator.BuiltinOptionsType() != schema.BuiltinOptions.ResizeBilinearOptions:
        return ""
    options = schema.ResizeBilinearOptions()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    return " half_pixel_centers" if options.HalfPixelCenters() else ""


def _has_steps(tensor):
    scales = tensor.quantization.ScaleAsNumpy()
    return np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()
