"""LSTM, GRU and RNN, unrolled: one step after another.

TFLite's own UNIDIRECTIONAL_SEQUENCE_LSTM keeps its state from one invocation to the next, which ONNX's does not.
"""

import numpy as np
import tensorflow as tf

from .handler import UnsupportedError, handles

ACTIVATIONS = {"Relu": tf.nn.relu, "Sigmoid": tf.sigmoid, "Tanh": tf.tanh}


@handles("LSTM")
def lstm(node, values):
    return _run(node, values, _lstm_step, 4, ["Sigmoid", "Tanh", "Tanh"])


@handles("GRU")
def gru(node, values):
    return _run(node, values, _gru_step, 3, ["Sigmoid", "Tanh"])


@handles("RNN")
def rnn(node, values):
    return _run(node, values, _rnn_step, 1, ["Tanh"])


class _Weights:
    """What one direction of a node is made of. Recurrent weights are transposed, so that a state is multiplied by them.

    ``w``: [inputs, gates * hidden], ``r``: [hidden, gates * hidden], ``wb`` and ``rb``: [gates * hidden],
    ``peephole``: [3, hidden] or None, ``activations``: functions. ``turned``: the first gate of a GRU has its sign
    changed, since 1 - sigmoid(x) loses the digits that sigmoid(-x) has. ``coupled``: an LSTM forgets what it takes in.
    """

    def __init__(self, node, arrays, direction, gates, activations):
        w, r, b, peephole = arrays
        self.w, self.r = w[direction].T.copy(), r[direction].T.copy()
        b = np.zeros(2 * self.w.shape[1], w.dtype) if b is None else b[direction].copy()
        self.wb, self.rb = np.split(b, 2)
        self.peephole = None if peephole is None else peephole[direction].reshape(3, -1)
        self.activations = activations
        self.resets_late = bool(node.attrs.get("linear_before_reset", 0))
        self.coupled = bool(node.attrs.get("input_forget", 0))
        self.turned = gates == 3 and activations[0] is tf.sigmoid
        if self.turned:
            size = len(self.r)
            for array in (self.w, self.r, self.wb, self.rb):
                array[..., :size] *= -1


def _run(node, values, step, gates, default_activations):
    x, arrays, lengths, states = _inputs(node, values, gates)
    directions = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[
        node.attrs.get("direction", "forward")
    ]
    names = node.attrs.get("activations", default_activations * len(directions))
    if not set(names) <= set(ACTIVATIONS) or "clip" in node.attrs:
        raise UnsupportedError(
            "it has other activations than {}, or a clip".format(", ".join(sorted(ACTIVATIONS))),
            "use the activations that are usual for it",
        )
    functions = [ACTIVATIONS[name] for name in names]
    per_direction = len(default_activations)
    outputs, finals = [], []
    for index, is_reverse in enumerate(directions):
        chosen = functions[index * per_direction : (index + 1) * per_direction]
        weights = _Weights(node, arrays, index, gates, chosen)
        hidden, final = _unrolled(x, weights, step, [state[index] for state in states], lengths, is_reverse)
        outputs.append(tf.stack(hidden))
        finals.append(final)
    return [tf.stack(outputs, axis=1)] + [tf.stack(parts) for parts in zip(*finals)]


def _inputs(node, values, gates):
    """x: [steps, batch, inputs]; the weights as arrays; how long each sample is, or None for all steps; the initial
    states.
    """
    names = [*node.inputs, *[""] * (8 - len(node.inputs))]
    x = values[names[0]]
    arrays = [values.constant(names[place]) if names[place] else None for place in (1, 2, 3, 7)]
    lengths = values.parameter(node, 4, "sequence_lens")
    if arrays[0] is None or arrays[1] is None or (names[3] and arrays[2] is None):
        raise UnsupportedError("its weights are computed by the model", "make them constants of the model")
    if lengths is not None and not tf.is_tensor(lengths) and np.all(lengths == x.shape[0]):
        lengths = None
    zeros = tf.zeros([len(arrays[0]), x.shape[1], arrays[1].shape[2]], x.dtype)
    states = [values[names[place]] if names[place] else zeros for place in ((5, 6) if gates == 4 else (5,))]
    return x, arrays, lengths, states


def _unrolled(x, weights, step, states, lengths, is_reverse):
    """The hidden state after each step, in the order of the steps, and the last states."""
    count, batch, inputs = x.shape.as_list()
    # All products with the input at once: they don't depend on a state.
    bias = weights.wb if step is _gru_step and weights.resets_late else weights.wb + weights.rb
    projected = tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, inputs]), weights.w), bias)
    steps = tf.unstack(tf.reshape(projected, [count, batch, -1]))
    hidden = [None] * count
    for index in reversed(range(count)) if is_reverse else range(count):
        new = step(steps[index], states, weights)
        hidden[index] = new[0]
        if tf.is_tensor(lengths) or (lengths is not None and np.any(lengths <= index)):
            runs = _repeated(index < lengths, new[0].shape[1])
            new = [tf.where(runs, after, before) for after, before in zip(new, states)]
            hidden[index] = tf.where(runs, hidden[index], tf.zeros_like(hidden[index]))
        states = new
    return hidden, states


def _repeated(column, count):
    """[rows, count] of [rows]: an array of an array."""
    if tf.is_tensor(column):
        return tf.tile(tf.expand_dims(column, 1), [1, count])
    return np.broadcast_to(column[:, np.newaxis], [len(column), count])


def _lstm_step(x, states, weights):
    h, c = states
    f, g, last = weights.activations
    i, o, forget, cell = tf.split(x + tf.matmul(h, weights.r), 4, axis=1)
    if weights.peephole is not None:
        i, forget = i + c * weights.peephole[0], forget + c * weights.peephole[2]
    taken = f(i)
    c = (1.0 - taken if weights.coupled else f(forget)) * c + taken * g(cell)
    if weights.peephole is not None:
        o = o + c * weights.peephole[1]
    return [f(o) * last(c), c]


def _gru_step(x, states, weights):
    (h,) = states
    f, g = weights.activations
    size = h.shape[1]
    if weights.resets_late:
        update, reset, new = tf.split(tf.nn.bias_add(tf.matmul(h, weights.r), weights.rb), 3, axis=1)
        z, r, n = tf.split(x, 3, axis=1)
        z, r = f(z + update), f(r + reset)
        candidate = g(n + r * new)
    else:
        z, r = tf.split(f(x[:, : 2 * size] + tf.matmul(h, weights.r[:, : 2 * size])), 2, axis=1)
        candidate = g(x[:, 2 * size :] + tf.matmul(r * h, weights.r[:, 2 * size :]))
    return [h + (z if weights.turned else 1.0 - z) * (candidate - h)]


def _rnn_step(x, states, weights):
    return [weights.activations[0](x + tf.matmul(states[0], weights.r))]
