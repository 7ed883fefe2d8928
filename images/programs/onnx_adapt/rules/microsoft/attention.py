"""Attention as onnxruntime fuses it: with the projections, masks of several forms, and caches."""

import math

import numpy as np
import onnx

from .registry import like_first, microsoft, number, optional, refused, size, type_of

# What onnxruntime adds to the scores of keys that are masked, unless the node says another.
MASKED = -10000.0
LOWEST = float(np.finfo("float32").min)


def _attention_types(context):
    (element, x), (_, weights) = (type_of(context, at) for at in (0, 1))
    given = context.get_attribute("qkv_hidden_sizes")
    if given is not None and given.ints:
        hidden = given.ints[2]
    elif weights is None:
        return [(0, None)]
    else:
        hidden = weights[1].dim_value // 3
    return [(element, x and [*x[:2], size(hidden)])]


@microsoft("Attention", types=_attention_types)
def attention(node, op):
    """Self-attention with the projections: one product of matrices makes queries, keys and values."""
    x, weights, bias, mask, past, added, past_length = optional(node, 7)
    if past_length or node.attributes.get_int("do_rotary", 0):
        raise refused(node, "has a cache of a fixed size, or rotary embeddings")
    hidden = node.attributes.get_ints("qkv_hidden_sizes", ())
    if not hidden:
        if weights.shape is None:
            raise refused(node, "has weights of which nothing says the size")
        hidden = [weights.shape[1] // 3] * 3
    projected = op.MatMul(x, weights)
    if bias:
        projected = op.Add(projected, bias)
    heads = node.attributes.get_int("num_heads")
    parts = op.Split(projected, op.constant(hidden, "int64"), axis=-1, outputs=3)
    query, key, value = (_by_head(op, part, heads, width // heads) for part, width in zip(parts, hidden))
    outputs = []
    if past:
        key, value = (
            _behind(op, op.Gather(past, op.constant(at, "int64"), axis=0), new) for at, new in enumerate((key, value))
        )
    if len(node.outputs) > 1:
        axes = op.constant([0], "int64")
        outputs = [op.Concat(op.Unsqueeze(key, axes), op.Unsqueeze(value, axes), axis=0)]
    scores = [_masked(node, op, mask, key), added, _causal(node, op, query, key)]
    made = _attended(node, op, query, key, value, hidden[0] // heads, scores)
    return [_joined(op, made, hidden[2]), *outputs]


def _multi_head_types(context):
    (element, query), (_, value) = (type_of(context, at) for at in (0, 2))
    if query is None or value is None:
        return [(0, None)]
    hidden = value[-1] if len(value) == 3 else size(value[1].dim_value * value[3].dim_value)
    return [(element, [*query[:2], hidden])]


@microsoft("MultiHeadAttention", types=_multi_head_types)
def multi_head_attention(node, op):
    """Attention of queries, keys and values that are projected already."""
    *given, bias, mask, added, past_key, past_value, past_length, beams = optional(node, 10)
    if past_length or beams or len(node.outputs) > 3:
        raise refused(node, "has a cache of a fixed size, or answers with its scores")
    if None in given:
        raise refused(node, "has packed inputs, which onnxruntime does not run on a processor")
    if any(value.shape is None for value in given):
        raise refused(node, "has inputs of which nothing says how many dimensions they have")
    heads = node.attributes.get_int("num_heads")
    width = given[0].shape[-1] // heads
    query, key, value = _apart(op, given, bias, heads)
    if past_key:
        key, value = _behind(op, past_key, key), _behind(op, past_value, value)
    scores = [_masked(node, op, mask, key), added, _causal(node, op, query, key)]
    made = _attended(node, op, query, key, value, width, scores)
    return [_joined(op, made, -1), key, value][: len(node.outputs)]


def _apart(op, given, bias, heads):
    """Queries, keys and values by head, where they are not given so already, with the bias."""
    sizes = [each.shape[-1] if len(each.shape) == 3 else heads * each.shape[-1] for each in given]
    biases = op.Split(bias, op.constant(sizes, "int64"), axis=0, outputs=3) if bias else [None] * 3
    return [
        _by_head(op, op.Add(each, added) if added else each, heads, width // heads) if len(each.shape) == 3 else each
        for each, width, added in zip(given, sizes, biases)
    ]


@microsoft("RotaryEmbedding", types=like_first)
def rotary_embedding(node, op):
    """Pairs of numbers, turned by angles that grow with the position."""
    given, positions, cosines, sines = node.inputs
    if node.attributes.get_int("is_packed_batching", 0):
        raise refused(node, "is of packed batches")
    if None in (given.shape, positions.shape, cosines.shape):
        raise refused(node, "has inputs of which nothing says the sizes")
    turned = 2 * cosines.shape[1]
    x, width = given, given.shape[-1]
    if len(given.shape) == 3:
        heads = node.attributes.get_int("num_heads", 0)
        width = width // heads if heads else turned
        x = _by_head(op, x, given.shape[2] // width, width)
    if len(positions.shape) == 1:
        # The first of positions that follow each other.
        length = op.Squeeze(op.Gather(op.Shape(x), op.constant([2], "int64")))
        steps = op.Range(op.constant(0, "int64"), length, op.constant(1, "int64"))
        positions = op.Unsqueeze(op.Add(positions, steps), op.constant([0], "int64"))
    rows = [op.Unsqueeze(op.Gather(table, positions), op.constant([1], "int64")) for table in (cosines, sines)]
    kept = []
    if turned < width:
        x, *kept = op.Split(x, op.constant([turned, width - turned], "int64"), axis=-1, outputs=2)
    made = _turned(op, x, *rows, turned // 2, node.attributes.get_int("interleaved", 0))
    if kept:
        made = op.Concat(made, *kept, axis=-1)
    return _joined(op, made, given.shape[2]) if len(given.shape) == 3 else made


def _turned(op, x, cosine, sine, half, interleaved):
    """The first numbers of the pairs are the first half, or every other one."""
    last = op.constant([-1], "int64")
    if interleaved:
        x = op.Reshape(x, op.constant([0, 0, 0, half, 2], "int64"))
        pair = [op.Squeeze(each, last) for each in op.Split(x, axis=-1, outputs=2)]
    else:
        pair = op.Split(x, axis=-1, outputs=2)
    a, b = pair
    made = [op.Sub(op.Mul(a, cosine), op.Mul(b, sine)), op.Add(op.Mul(b, cosine), op.Mul(a, sine))]
    if not interleaved:
        return op.Concat(*made, axis=-1)
    pairs = op.Concat(*(op.Unsqueeze(each, last) for each in made), axis=-1)
    return op.Reshape(pairs, op.constant([0, 0, 0, 2 * half], "int64"))


def _by_head(op, x, heads, width):
    """[batch, length, heads * width] as [batch, heads, length, width]."""
    return op.Transpose(op.Reshape(x, op.constant([0, 0, heads, width], "int64")), perm=(0, 2, 1, 3))


def _joined(op, x, width):
    return op.Reshape(op.Transpose(x, perm=(0, 2, 1, 3)), op.constant([0, 0, width], "int64"))


def _behind(op, past, new):
    return op.Concat(past, new, axis=2)


def _attended(node, op, query, key, value, width, added):
    scale = node.attributes.get_float("scale", 0.0) or 1 / math.sqrt(width)
    scores = op.Mul(op.MatMul(query, op.Transpose(key, perm=(0, 1, 3, 2))), number(op, scale, *node.inputs[:2]))
    for each in added:
        if each:
            scores = op.Add(scores, each)
    return op.MatMul(op.Softmax(scores, axis=-1), value)


def _masked(node, op, mask, key):
    """What is added to the scores, for a mask of ones and zeros, or of the lengths of the keys."""
    if mask is None:
        return None
    if mask.shape is None:
        raise refused(node, "has a mask of which nothing says how many dimensions it has")
    if len(mask.shape) == 1:
        mask = _within(node, op, mask, key)
    elif len(mask.shape) < 4:
        mask = op.Unsqueeze(mask, op.constant([1, 2] if len(mask.shape) == 2 else [1], "int64"))
    kept = op.Cast(mask, to=(node.inputs[0].dtype or onnx.TensorProto.FLOAT))
    masked = node.attributes.get_float("mask_filter_value", MASKED)
    one, low = (number(op, value, node.inputs[0]) for value in (1.0, masked))
    return op.Mul(op.Sub(one, kept), low)


def _within(node, op, lengths, key):
    """Which keys lie before the end of each row, and, where twice as many numbers are given, not before its start."""
    batch, count = node.inputs[0].shape and node.inputs[0].shape[0], lengths.shape[0]
    zero, one = (op.constant(at, lengths.dtype.numpy()) for at in (0, 1))
    known = op.Squeeze(op.Gather(op.Shape(key), op.constant([2], "int64")))
    at = op.Range(zero, op.Cast(known, to=lengths.dtype.value), one)
    columns = op.constant([-1, 1, 1, 1], "int64")
    if not isinstance(count, int) or count == batch:
        return op.Less(at, op.Reshape(lengths, columns))
    if count != 2 * batch:
        raise refused(node, "has a mask of {} numbers for a batch of {}".format(count, batch))
    ends, starts = (op.Reshape(each, columns) for each in op.Split(lengths, axis=0, outputs=2))
    return op.And(op.Less(at, ends), op.GreaterOrEqual(at, starts))


def _causal(node, op, query, key):
    """Keys that come after a query are masked."""
    if not node.attributes.get_int("unidirectional", 0):
        return None
    asked, known = (op.Squeeze(op.Gather(op.Shape(each), op.constant([2], "int64"))) for each in (query, key))
    zero, one = (op.constant(at, "int64") for at in (0, 1))
    rows = op.Unsqueeze(op.Range(op.Sub(known, asked), known, one), op.constant([1], "int64"))
    later = op.Less(rows, op.Range(zero, known, one))
    low, nothing = (number(op, value, node.inputs[0]) for value in (LOWEST, 0.0))
    return op.Where(later, low, nothing)
