"""Attention that is computed a step of time after another; the others are in `function_bodies`."""

import numpy as np

from .rule import UnsupportedError, inputs, rule, sizes

# Steps that are written out, each as a few operators.
MOST = 256


@rule("LinearAttention", since=27)
def linear_attention(node, op):
    """The state, a matrix of each head, at each step: it decays, takes a key's value in, and is read by a query."""
    query, key, value, past, decay, beta = inputs(node, 6)
    batch, steps, width = sizes(query)
    if steps > MOST:
        raise UnsupportedError("it is of {} steps, of which each takes operators of its own".format(steps))
    heads, of_query = node.attributes.get_int("kv_num_heads"), node.attributes.get_int("q_num_heads")
    scale = node.attributes.get_float("scale", 0.0) or (width // of_query) ** -0.5
    # A row of each step, [batch, heads, 1, numbers]; queries of a head's group are rows together.
    queries = _steps(op, query, [batch, steps, heads, of_query // heads, width // of_query])
    keys, values = (_steps(op, x, [batch, steps, heads, 1, sizes(x, 2)[0] // heads]) for x in (key, value))
    decays = decay and _steps(op, decay, [batch, steps, heads, -1, 1])
    betas = beta and _steps(op, beta, [batch, steps, -1, 1, 1])
    if past is None:
        state = op.constant(np.zeros([batch, heads, width // of_query, sizes(value, 2)[0] // heads]), "float32")
    else:
        state = op.cast(past, "FLOAT")
    read = []
    for step in range(steps):
        if decay is not None:
            state = op.Mul(state, op.Exp(decays[step]))
        new = values[step]
        if beta is not None:
            new = op.Mul(betas[step], op.Sub(new, op.MatMul(keys[step], state)))
        state = op.Add(state, op.MatMul(op.Transpose(keys[step], perm=[0, 1, 3, 2]), new))
        read.append(op.Unsqueeze(op.MatMul(queries[step], state), op.constant([1], "int64")))
    output = op.Mul(op.Concat(*read, axis=1), op.constant(scale, "float32"))
    output = op.Reshape(output, op.constant([batch, steps, -1], "int64"))
    return [op.cast(output, query.dtype), op.cast(state, query.dtype if past is None else past.dtype)]


def _steps(op, x, shape):
    """x, [batch, steps, ...], as a float tensor of each step, in a shape of its own."""
    whole = op.Reshape(op.cast(x, "FLOAT"), op.constant(shape, "int64"))
    parts = op.Split(whole, op.constant([1] * shape[1], "int64"), axis=1, outputs=shape[1])
    return [op.Squeeze(part, op.constant([1], "int64")) for part in (parts if shape[1] > 1 else [parts])]
