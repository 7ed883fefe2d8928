"""The kinds of TFLite file. Each takes a `Conversion` and a `Request` of convert, and returns the file's bytes."""

from stagekit import StageError

from . import departures, file_tables, flatbuffer, passes, quantized_file
from .passes import Place, float16_weights
from .post_training_quantization import Method, steps


def made(variant, conversion, request):
    """The bytes of the file of one of `VARIANTS`."""
    if variant == "float32" or not conversion.is_whole:
        return VARIANTS[variant](conversion, request)
    samples = request.inputs.get("calibration")
    if samples:
        # This raises the error for samples that the model can't run on.
        _quantizer(conversion, request)
    io = request.parameters["integer_io"] if variant == "int8-only" else "float32"
    content = conversion.of_api(variant, samples, io)
    quantized_file.File(content).refuse_lowest()
    if variant == "int8-only":
        quantized_file.refuse_floats(content)
    return content


def finished(variant, conversion, content):
    """The bytes of a variant's file as they are to be written, and the details of its inputs and outputs, as
    `Conversion.named` has them.
    """
    opened = content
    if conversion.has and variant not in passes.INTEGERS:
        # What this TensorFlow may not open has the inputs and outputs of the file of floats.
        of_weights = variant in (*passes.WEIGHTS, *passes.DYNAMIC)
        opened = (conversion.plain if of_weights else conversion).float32
    sides = conversion.named(opened)
    if not conversion.has:
        return (content, *sides)
    known = {"has": conversion.has}
    # A model that is quantized, or was trained for int8, means the roundings within a function, too.
    if not (conversion.has_ranges and variant in passes.INT8):
        known["floats"] = lambda: flatbuffer.unpacked(conversion.plain.float32)
    written = passes.applied(content, Place.FINISHED, variant, **known)
    places = dict(zip(*map(_ends, (opened, written))))
    return (
        written,
        *({name: dict(each, index=places[each["index"]]) for name, each in side.items()} for side in sides),
    )


def _ends(content):
    """The places of a file's inputs and outputs."""
    graph, *_ = file_tables.File(content).graphs
    return graph.inputs + graph.outputs


def float32(conversion, _):
    """The numbers as they are."""
    return conversion.float32


def float16(conversion, _):
    """Weights of half the size; a runtime computes in float32 unless it has better."""
    return passes.applied(conversion.float32, Place.TO_NARROW, "float16", has=conversion.has)


def doubts(variant, conversion, request, content):
    """Lines on what may be wrong in a variant, though it was made: ``content`` are its bytes."""
    if variant == "float16":
        return [
            "float16 has no numbers beyond {:.0f}: {} of {!r} become that, the largest of them was {:.3g}".format(
                float16_weights.LARGEST, numbers.size, name, max(numbers, key=abs)
            )
            for name, numbers in float16_weights.clipped(conversion.float32)
        ]
    if variant in passes.INT8 and request.parameters["quantized"]:
        return departures.told(content, flatbuffer.unpacked(conversion.float32))
    if "calibration" in request.inputs:
        quantizer = _quantizer(conversion.plain, request)
        return quantizer.warnings(biases_apart=conversion.is_whole and variant != "int16x8")
    return []


def cut(conversion, request):
    """The ranges that were cut, as `Quantizer` has them."""
    return _quantizer(conversion.plain, request).cut if "quantization" in request.parameters else []


def notes(conversion, request):
    """Lines on where a way of choosing integers does nothing, as `Quantizer` has them."""
    return _quantizer(conversion.plain, request).notes if "quantization" in request.parameters else []


def dynamic(conversion, _):
    """Weights of int8; a runtime quantizes what they meet as it goes, by the range of the moment."""
    return conversion.plain.dynamic("dynamic")


def dynamic_int4(conversion, _):
    """The same, with weights of int4 in dense layers."""
    return conversion.plain.dynamic("dynamic-int4", bits=4)


def weight_int8(conversion, _):
    """Weights of int8, which a runtime turns back into floats."""
    return _of_weights(conversion, "weight-int8", 8)


def weight_int4(conversion, _):
    """Weights of int4, which a runtime turns back into floats."""
    return _of_weights(conversion, "weight-int4", 4)


def int8(conversion, request):
    """Weights and activations of int8, floats in and out, and floats within where an operator has no integers."""
    return _of_int8(conversion, request)


def int8_only(conversion, request):
    """Nothing but integers, those of the parameter ``integer_io`` in and out, or a StageError."""
    quantized_file.refuse_floats(_of_int8(conversion, request))
    return _of_int8(conversion, request, request.parameters["integer_io"])


def int16x8(conversion, request):
    """Weights of int8 and activations of int16, floats in and out, and floats within as for int8."""
    return _quantizer(conversion.plain, request).quantized("int16x8")


def _of_weights(conversion, variant, bits):
    return passes.applied(conversion.plain.float32, Place.TO_NARROW, variant, has=conversion.has, bits=bits)


def _of_int8(conversion, request, io="float32"):
    """By the ranges that the model has, as it is quantized or was trained for int8, else by those of the samples."""
    if conversion.has_ranges:
        return conversion.trained(io)
    if "calibration" not in request.inputs:
        message = "the model has quantized weights at most: nothing says which ranges its activations have in 8 bits"
        raise StageError("model", message, "convert it with --dequantize and --calibration")
    return _quantizer(conversion, request).quantized("int8", io)


def _quantizer(conversion, request):
    method = dict(request.parameters.get("quantization", {}))
    modules = tuple((name, tuple(of)) for name, of in sorted(method.get("modules", {}).items()))
    patterns = {name: tuple(method.get(name, ())) for name in ("keep_float", "keep_int16")}
    method.update(patterns, modules=modules)
    wanted = steps(request.parameters["variant"], conversion.has)
    return conversion.quantizer(request.inputs["calibration"], Method(**method), wanted)


VARIANTS = {
    "float32": float32,
    "float16": float16,
    "weight-int8": weight_int8,
    "weight-int4": weight_int4,
    "dynamic": dynamic,
    "dynamic-int4": dynamic_int4,
    "int8": int8,
    "int8-only": int8_only,
    "int16x8": int16x8,
}
