import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 3, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, h, c, w, r, wb, rb):
    i, o, f, g = np.split(x @ w.T + h @ r.T + wb + rb, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def coupled_step(x, h, c, w, r, wb, rb):
    i, o, _, g = np.split(x @ w.T + h @ r.T + wb + rb, 4, axis=1)
    c = (1 - sigmoid(i)) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, _, w, r, wb, rb, resets_late):
    inputs, states = np.split(x @ w.T + wb, 3, axis=1), np.split(h @ r.T + rb, 3, axis=1)
    z, reset = (sigmoid(one + other) for one, other in zip(inputs[:2], states[:2]))
    late = reset * states[2]
    early = (reset * h) @ r[2 * HIDDEN :].T + rb[2 * HIDDEN :]
    return (1 - z) * np.tanh(inputs[2] + (late if resets_late else early)) + z * h, None


def rnn_step(x, h, _, w, r, wb, rb):
    return np.tanh(x @ w.T + h @ r.T + wb + rb), None


class RecurrentTest(LoweredTest):
    def run_layer(self, op_type, gates, step, direction="forward", lengths=None, states=1, fed=False, **attributes):
        """Check a layer with initial states, and all of its outputs, against the step in numpy. With ``fed`` its
        lengths are an input.
        """
        ways = {"forward": [1], "reverse": [-1], "bidirectional": [1, -1]}[direction]
        x = random(STEPS, BATCH, INPUTS)
        w, r, b = (
            random(len(ways), *shape, seed=seed)
            for seed, shape in enumerate([(gates * HIDDEN, INPUTS), (gates * HIDDEN, HIDDEN), (2 * gates * HIDDEN,)], 1)
        )
        initial = [random(len(ways), BATCH, HIDDEN, seed=5 + index) for index in range(states)]
        y, finals = np.zeros((STEPS, len(ways), BATCH, HIDDEN), np.float32), [state.copy() for state in initial]
        for index, way in enumerate(ways):
            h, c = finals[0][index], finals[-1][index]
            for at in range(STEPS)[::way]:
                new, cell = step(x[at], h, c, w[index], r[index], *np.split(b[index], 2))
                runs = (at < np.array(lengths or [STEPS] * BATCH))[:, np.newaxis]
                h, c = np.where(runs, new, h), c if cell is None else np.where(runs, cell, c)
                y[at, index] = np.where(runs, new, 0)
            finals[0][index] = h
            if states == 2:
                finals[1][index] = c
        names = ["h", "c"][:states]
        weights = {"w": w, "r": r, "b": b}
        samples = dict(zip(["x", *names], [x, *initial]))
        if lengths:
            (samples if fed else weights)["lengths"] = np.array(lengths, np.int32)
        inputs = ["x", "w", "r", "b", "lengths" if lengths else "", *names]
        outputs = ["y", *["last_" + name for name in names]]
        node = helper.make_node(op_type, inputs, outputs, hidden_size=HIDDEN, direction=direction, **attributes)
        return self.check(model([node], samples, outputs, weights), samples, dict(zip(outputs, [y, *finals])))

    def test_lstm(self):
        for direction in ("forward", "reverse", "bidirectional"):
            with self.subTest(direction):
                self.run_layer("LSTM", 4, lstm_step, direction, states=2)

    def test_lstm_that_forgets_what_it_takes_in(self):
        self.run_layer("LSTM", 4, coupled_step, states=2, input_forget=1)

    def test_gru(self):
        for resets_late in (0, 1):
            with self.subTest(resets_late=resets_late):

                def step(*arrays, late=resets_late):
                    return gru_step(*arrays, late)

                self.run_layer("GRU", 3, step, "bidirectional", linear_before_reset=resets_late)

    def test_rnn(self):
        ops = self.run_layer("RNN", 1, rnn_step)
        # One product with all of the input, and one with each state.
        self.assertEqual(ops["FULLY_CONNECTED"], 1 + STEPS)

    def test_samples_of_different_length(self):
        for direction in ("forward", "reverse"):
            with self.subTest(direction):
                self.run_layer("LSTM", 4, lstm_step, direction, lengths=[2, 4], states=2)

    def test_samples_whose_lengths_are_an_input(self):
        for direction in ("forward", "bidirectional"):
            with self.subTest(direction):
                self.run_layer("LSTM", 4, lstm_step, direction, lengths=[2, 4], states=2, fed=True)
        self.run_layer("RNN", 1, rnn_step, "reverse", lengths=[4, 1], fed=True)


if __name__ == "__main__":
    unittest.main()
