import unittest

import numpy as np
from lowered import LoweredTest, meta_graph, model, random, tflite
from onnx import TensorProto, helper

from stagekit import StageError


def node(op_type, inputs, outputs, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


def body(nodes, outputs, inputs=()):
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs.split()]
    return helper.make_graph(nodes, "body", list(inputs), made)


def chosen(then, other, outputs="y", condition="c"):
    """An If whose branches are (nodes, outputs)."""
    return node("If", condition, outputs, name="chosen", then_branch=body(*then), else_branch=body(*other))


# c: whether the largest element of x is above 1.
CONDITION = [node("ReduceMax", "x", "largest", keepdims=0), node("Greater", "largest one", "c")]


def convolved(x, kernel):
    """By a kernel of 1x1."""
    return np.einsum("nchw,oc->nohw", x, kernel[:, :, 0, 0])


class If(LoweredTest):
    def branching(self, nodes, expected, x, **weights):
        """Check a model on numbers that take either branch; ``expected`` computes y of x and the condition."""
        weights["one"] = np.float32(1)
        for fed in (np.minimum(x, 0.9), np.maximum(x, 1.5)):
            given = model([*CONDITION, *nodes], {"x": fed}, ["y"], weights)
            self.counts = self.check(given, {"x": fed}, {"y": expected(fed, fed.max() > 1)})
            self.assertEqual(self.counts["IF"], 1)

    def test_takes_the_branch_that_data_decides(self):
        other = [node("Sub", "x one", "b"), node("Relu", "b", "b1"), node("Tanh", "b1", "b2"), node("Exp", "b2", "b3")]
        self.branching(
            [chosen(([node("Neg", "x", "a")], "a"), (other, "b3"))],
            lambda x, above: -x if above else np.exp(np.tanh(np.maximum(x - 1, 0))),
            random(2, 3),
        )

    def test_has_images_in_its_branches(self):
        before, inner, after = random(4, 3, 1, 1), random(4, 4, 1, 1, seed=1), random(2, 4, 1, 1, seed=2)
        pooled = [node("MaxPool", "h", "p", kernel_shape=[3, 3], pads=[1] * 4), node("Neg", "p", "b")]
        nodes = [
            node("Conv", "x before", "h"),
            chosen(([node("Conv", "h inner", "a"), node("Relu", "a", "a1")], "a1"), (pooled, "b")),
            node("Conv", "z after", "y"),
        ]
        nodes[1].output[0] = "z"

        def expected(x, above):
            h = convolved(x, before)
            padded = np.pad(h, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
            rows, columns = h.shape[2:]
            windows = [padded[:, :, i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
            return convolved(np.maximum(convolved(h, inner), 0) if above else -np.max(windows, axis=0), after)

        self.branching(nodes, expected, random(1, 3, 5, 6), before=before, inner=inner, after=after)

    def test_passes_on_values_and_weights_of_the_graph_around_it(self):
        self.branching(
            [node("Abs", "x", "h"), chosen(([], "h"), ([node("Mul", "h w", "b")], "b"))],
            lambda x, above: np.abs(x) * (1 if above else np.arange(3)),
            random(2, 3),
            w=np.arange(3, dtype=np.float32),
        )

    def test_in_a_branch_of_another(self):
        inner = chosen(([node("Abs", "x", "aa")], "aa"), ([node("Neg", "x", "ab")], "ab"), "a", "d")
        nodes = [
            node("Greater", "largest two", "d"),
            chosen(([inner, node("Add", "a one", "a2")], "a2"), ([node("Neg", "x", "b")], "b")),
        ]
        self.branching(
            nodes,
            lambda x, above: (np.abs(x) if x.max() > 2 else -x) + 1 if above else -x,
            random(2, 3),
            two=np.float32(2),
        )

    def test_gives_the_same_bytes_again(self):
        x = {"x": random(2, 3)}
        given = model(
            [*CONDITION, chosen(([node("Neg", "x", "a")], "a"), ([node("Abs", "x", "b")], "b"))],
            x,
            ["y"],
            {"one": np.float32(1)},
        )
        files = []
        for _ in range(2):
            result, folder, _ = self.translate(given, x)
            files.append((tflite(folder, result), (folder / "saved_model.pb").read_bytes()))
        self.assertEqual(*files)
        names = [function.signature.name for function in meta_graph(folder).graph_def.library.function]
        self.assertEqual(sorted(names), ["branch_0", "branch_1"])

    def test_of_other_shapes_is_refused(self):
        nodes = [*CONDITION, chosen(([node("Neg", "x", "a")], "a"), ([node("Concat", "x x", "b", axis=0)], "b"))]
        given = model(nodes, {"x": random(2, 3)}, ["y"], {"one": np.float32(1)})
        with self.assertRaisesRegex(StageError, r"If \(node 'chosen'.* shapes, \(2, 3\) and \(4, 3\)") as caught:
            self.translate(given, {"x": random(2, 3)})
        self.assertIn("--to-tensor c", caught.exception.hint)

    def test_names_an_operator_in_a_branch(self):
        nodes = [*CONDITION, chosen(([node("Unknown", "x", "a")], "a"), ([node("Neg", "x", "b")], "b"))]
        given = model(nodes, {"x": random(3, 3)}, ["y"], {"one": np.float32(1)})
        with self.assertRaisesRegex(StageError, "no translation to TensorFlow for Unknown"):
            self.translate(given, {"x": random(3, 3)})


class Loop(LoweredTest):
    def test_is_refused_in_words(self):
        fed = [
            helper.make_tensor_value_info(*each, []) for each in (("turn", TensorProto.INT64), ("on", TensorProto.BOOL))
        ]
        fed.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, None))
        turns = body([node("Greater", "sum one", "still"), node("Mul", "sum x", "more")], "still more", fed)
        turns.output[0].type.tensor_type.elem_type = TensorProto.BOOL
        x = {"x": random(2, 3)}
        for trips, words in (("", "this one has 2 operators$"), ("trips", "2 operators, and up to 9000 turns$")):
            looped = helper.make_node("Loop", [trips, "", "x"], ["y"], name="looped", body=turns)
            given = model([looped], x, ["y"], {"one": np.float32(1), "trips": np.int64(9000)})
            with self.assertRaisesRegex(StageError, r"Loop \(node 'looped'.*" + words) as caught:
                self.translate(given, x)
            self.assertIn("--to-tensor x", caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
