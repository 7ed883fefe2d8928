"""What kernels of one kind differ by, as words: those that the host's table of runtimes' faults has."""

from .integer_operators import BIASED

# Bilinear kernels of integers count places in these parts of a pixel, and round how far one pixel is from the next.
_PARTS = 1024
# Of a pixel: how far the last place may be off before two of 256 steps can be.
_DRIFT = 1 / 128


def words(graph, operator):
    """The words for an operator, in the order of the alphabet."""
    reads = [graph.tensors[place] if place >= 0 else None for place in operator.inputs]
    gives = [graph.tensors[place] for place in operator.outputs]
    found = [*_WORDS[operator.kind](operator, reads, gives)] if operator.kind in _WORDS else []
    return sorted([*found, "bias_of_int32"] if _has_narrow_bias(operator, reads) else found)


def _has_narrow_bias(operator, reads):
    """Whether 32 bits are added to sums that have 64, and no option says so."""
    if operator.kind not in BIASED or len(reads) <= max(BIASED[operator.kind]):
        return False
    x, _, bias = (reads[at] for at in BIASED[operator.kind])
    narrow = x and bias and (x.dtype, bias.dtype) == ("int16", "int32")
    return narrow and operator.options.get("quantized_bias_type") != "INT32"


def _resize(operator, reads, gives):
    half, corners = (operator.options.get(name) == "true" for name in ("half_pixel_centers", "align_corners"))
    shapes = [each.shape for each in (*reads[:1], *gives) if each and len(each.shape) == 4]
    if half:
        yield "half_pixel_centers"
    if len(shapes) == 2 and any(_drifts(*pair, corners) for pair in list(zip(*shapes))[1:3]):
        yield "drifting"


def _drifts(old, new, corners):
    if min(old, new) < 1:
        return False
    old, new = (old - 1, new - 1) if corners and new > 1 else (old, new)
    step = (_PARTS * old + new // 2) // new
    return abs(step * new - _PARTS * old) / _PARTS > _DRIFT


def _product(_, reads, __):
    if any(weights and len(weights.quantization.scales) > 1 for weights in reads[1:2]):
        yield "per_channel"


def _dense(operator, reads, gives):
    yield from _product(operator, reads, gives)
    if any(reads[2:3]):
        yield "bias"
    if operator.options.get("keep_num_dims") == "true" and any(len(each.shape) > 2 for each in gives):
        yield "keep_num_dims"


_WORDS = {"RESIZE_BILINEAR": _resize, "FULLY_CONNECTED": _dense, "BATCH_MATMUL": _product}
