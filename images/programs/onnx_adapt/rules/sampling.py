"""Images sampled between their pixels: at points of a grid, at places that a convolution moves to."""

import itertools

import numpy as np

from .rule import UnsupportedError, constant, inputs, rank, rule, sizes

CUBIC = -0.75


@rule("GridSample", since=(16, 20, 22))
def grid_sample(node, op):
    x, grid = node.inputs
    mode = node.attributes.get_string("mode", "linear").replace("bilinear", "linear").replace("bicubic", "cubic")
    padding = node.attributes.get_string("padding_mode", "zeros")
    corners = node.attributes.get_int("align_corners", 0)
    image = sizes(x)[2:]
    axes = len(image)
    parts = op.Split(grid, op.constant([1] * axes, "int64"), axis=-1, outputs=axes)
    places = []
    # A point has x first, an image has x last.
    for part, size in zip(reversed(parts if axes > 1 else [parts]), image):
        place = op.cast(op.Squeeze(part, op.constant([-1], "int64")), "FLOAT")
        scale = (size - 1) / 2 if corners else size / 2
        places.append(op.Add(op.Mul(place, _number(op, scale)), _number(op, (size - 1) / 2)))
    edges = [(0.0, size - 1.0) if corners else (-0.5, size - 0.5) for size in image]
    return sampled(op, x, places, mode, padding, edges)


def sampled(op, x, places, mode, padding, edges, images=None):
    """Images at places between their pixels, as [batch, channels, *points].

    ``x`` is [batch, channels, *image], ``places`` a float tensor [batch, *points] for each axis of the image. ``mode``
    is linear, nearest or cubic. Beyond the image there is ``padding``: zeros, its border, or its reflection between
    ``edges``. Points are of the image of their own place in the batch, or of those that ``images`` says.
    """
    batch, channels, *image = sizes(x)
    flat = op.Reshape(op.Transpose(x, perm=[0, *range(2, rank(x)), 1]), op.constant([-1, channels], "int64"))
    if images is None:
        images = op.constant(np.arange(batch).reshape([-1, *[1] * (rank(places[0]) - 1)]))
    start = op.Mul(images, op.constant(int(np.prod(image)), "int64"))
    neighbours = [_neighbours(op, *of_axis, mode, padding) for of_axis in zip(places, image, edges)]
    total = None
    for corner in itertools.product(*neighbours):
        index, weight = start, None
        for axis, (pixel, share) in enumerate(corner):
            index = op.Add(index, op.Mul(pixel, op.constant(int(np.prod(image[axis + 1 :])), "int64")))
            weight = share if weight is None or share is None else op.Mul(weight, share)
        found = op.Gather(flat, index, axis=0)
        if weight is not None:
            found = op.Mul(found, op.cast(op.Unsqueeze(weight, op.constant([-1], "int64")), x.dtype))
        total = found if total is None else op.Add(total, found)
    last = rank(places[0])
    return op.Transpose(total, perm=[0, last, *range(1, last)])


def _neighbours(op, place, size, edge, mode, padding):
    """[(index, weight)] of the pixels of an axis that a place is between."""
    if padding != "zeros" and mode != "cubic":
        place = _inside(op, place, size, padding, edge)
    if mode == "nearest":
        pixels = [(op.Round(place), _number(op, 1.0))]
    elif mode == "linear":
        floor = op.Floor(place)
        fraction = op.Sub(place, floor)
        above = op.Add(floor, _number(op, 1.0))
        pixels = [(floor, op.Sub(_number(op, 1.0), fraction)), (above, fraction)]
    else:
        pixels = _cubic(op, place)
    return [_pixel(op, pixel, weight, size, padding, edge) for pixel, weight in pixels]


def _pixel(op, pixel, weight, size, padding, edge):
    zero, last = _number(op, 0.0), _number(op, size - 1.0)
    if padding == "zeros":
        within = op.And(op.GreaterOrEqual(pixel, zero), op.LessOrEqual(pixel, last))
        weight = op.Where(within, weight, zero)
    else:
        pixel = _inside(op, pixel, size, padding, edge)
    return op.cast(op.Min(op.Max(pixel, zero), last), "INT64"), weight


def _inside(op, place, size, padding, edge):
    low, high = edge if padding == "reflection" else (0.0, 0.0)
    if high > low:
        distance = op.Abs(op.Sub(place, _number(op, low)))
        turns = op.Floor(op.Div(distance, _number(op, 2 * (high - low))))
        distance = op.Sub(distance, op.Mul(turns, _number(op, 2 * (high - low))))
        span = _number(op, high - low)
        place = op.Add(op.Sub(span, op.Abs(op.Sub(distance, span))), _number(op, low))
    return op.Min(op.Max(place, _number(op, 0.0)), _number(op, size - 1.0))


def _cubic(op, place):
    """The four pixels around a place, and their shares by cubic convolution."""
    floor = op.Floor(place)
    fraction = op.Sub(place, floor)
    pixels = []
    for step in (-1.0, 0.0, 1.0, 2.0):
        distance = op.Abs(op.Sub(fraction, _number(op, step)))
        if step in (0.0, 1.0):
            curve = (CUBIC + 2, -(CUBIC + 3), 0.0, 1.0)
        else:
            curve = (CUBIC, -5 * CUBIC, 8 * CUBIC, -4 * CUBIC)
        weight = _number(op, curve[0])
        for coefficient in curve[1:]:
            weight = op.Add(op.Mul(weight, distance), _number(op, coefficient))
        pixels.append((op.Add(floor, _number(op, step)), weight))
    return pixels


def _number(op, number):
    return op.constant(number, "float32")


@rule("AffineGrid", since=20)
def affine_grid(node, op):
    theta, size = node.inputs
    size = [int(number) for number in constant(size, "size")]
    axes = len(size) - 2
    along = [np.linspace(-1, 1, count) if count > 1 else np.zeros(1) for count in size[2:]]
    if not node.attributes.get_int("align_corners", 0):
        along = [(2 * np.arange(count) + 1) / count - 1 for count in size[2:]]
    # A point has x first, an image has x last.
    points = np.stack([*reversed(np.meshgrid(*along, indexing="ij")), np.ones(size[2:])], -1).reshape(-1, axes + 1)
    placed = op.MatMul(op.constant(points, like=theta), op.Transpose(theta, perm=[0, 2, 1]))
    return op.Reshape(placed, op.constant([size[0], *size[2:], axes], "int64"))


@rule("DeformConv", since=(19, 22))
def deformable_convolution(node, op):
    """Each place of the window sampled where its offset says, then a matrix product of all places and channels."""
    x, weight, offset, bias, mask = inputs(node, 5)
    batch, channels, *image = sizes(x)
    made, _, *kernel = sizes(weight)
    points = sizes(offset)[2:]
    axes = len(image)
    groups, offset_groups = node.attributes.get_int("group", 1), node.attributes.get_int("offset_group", 1)
    strides = node.attributes.get_ints("strides", [1] * axes)
    dilations = node.attributes.get_ints("dilations", [1] * axes)
    pads = node.attributes.get_ints("pads", [0] * 2 * axes)
    window = int(np.prod(kernel))
    # [batch, offset group, place of the window, axis, *points]
    moved = op.Reshape(offset, op.constant([batch * offset_groups, window, axes, *points], "int64"))
    parts = op.Split(moved, op.constant([1] * axes, "int64"), axis=2, outputs=axes)
    places = []
    for axis, part in enumerate(parts if axes > 1 else [parts]):
        start = np.arange(points[axis]) * strides[axis] - pads[axis]
        start = start.reshape([-1 if at == axis else 1 for at in range(axes)])
        inner = (np.indices(kernel)[axis].reshape(-1) * dilations[axis]).reshape([-1, *[1] * axes])
        squeezed = op.Squeeze(part, op.constant([2], "int64"))
        places.append(op.Add(op.cast(squeezed, "FLOAT"), op.constant(start + inner, "float32")))
    of_group = channels // offset_groups
    grouped = op.Reshape(x, op.constant([batch * offset_groups, of_group, *image], "int64"))
    found = sampled(op, grouped, places, "linear", "zeros", [(0.0, 0.0)] * axes)
    if mask is not None:
        found = op.Mul(found, op.Reshape(mask, op.constant([batch * offset_groups, 1, window, *points], "int64")))
    rows = channels // groups * window
    found = op.Reshape(found, op.constant([batch, groups, rows, -1], "int64"))
    matrix = op.Reshape(weight, op.constant([groups, made // groups, rows], "int64"))
    result = op.Reshape(op.MatMul(matrix, found), op.constant([batch, made, *points], "int64"))
    if bias is None:
        return result
    return op.Add(result, op.Reshape(bias, op.constant([1, made, *[1] * axes], "int64")))


@rule("RoiAlign", since=(16, 22))
def roi_align(node, op):
    """The mean of samples in each cell of a region; opset 13 has no regions that are half a pixel off."""
    x, regions, images = node.inputs
    if node.attributes.get_string("coordinate_transformation_mode", "half_pixel") == "output_half_pixel":
        node.attributes.pop("coordinate_transformation_mode")
        return None
    samples = node.attributes.get_int("sampling_ratio", 0)
    if not samples or node.attributes.get_string("mode", "avg") != "avg":
        raise UnsupportedError("it takes the largest sample of a cell, or a number of samples by the region's size")
    height, width = (node.attributes.get_int("output_" + name, 1) for name in ("height", "width"))
    scaled = op.Mul(regions, op.constant(node.attributes.get_float("spatial_scale", 1.0), like=x))
    left, top, right, bottom = op.Split(scaled, op.constant([1, 1, 1, 1], "int64"), axis=1, outputs=4)
    rows = _samples(op, top, bottom, height * samples, [-1, 1])
    columns = _samples(op, left, right, width * samples, [1, -1])
    zero = op.Mul(op.Add(rows, columns), _number(op, 0.0))
    places = [op.Add(rows, zero), op.Add(columns, zero)]
    found = sampled(op, x, places, "linear", "border", [None, None], op.Unsqueeze(images, op.constant([1, 2], "int64")))
    inside = [
        op.And(op.GreaterOrEqual(place, _number(op, -1.0)), op.LessOrEqual(place, _number(op, float(size))))
        for place, size in zip(places, sizes(x)[2:])
    ]
    inside = op.Unsqueeze(op.And(*inside), op.constant([1], "int64"))
    found = op.Where(inside, found, op.constant(0, like=x))
    cells = op.Reshape(found, op.constant([-1, sizes(x)[1], height, samples, width, samples], "int64"))
    return op.ReduceMean(cells, axes=[3, 5], keepdims=0)


def _samples(op, start, end, count, shape):
    """[regions, *shape]: the middles of as many parts between two edges, [regions, 1], in pixels."""
    share = op.constant((np.arange(count) + 0.5) / count, "float32")
    along = op.Add(op.Mul(share, op.Sub(end, start)), op.Sub(start, _number(op, 0.5)))
    return op.Reshape(along, op.constant([0, *shape], "int64"))
