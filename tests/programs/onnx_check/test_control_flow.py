import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, mapping, numpy_helper

from onnx_check import model_file, onnxruntime_session, open_graph, simplify


def value(name, shape=None, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def node(op_type, inputs, outputs, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


def body(nodes, inputs, outputs, **weights):
    """A graph of floats, but for what is named like a number or a condition."""
    kinds = {"turn": TensorProto.INT64, "on": TensorProto.BOOL, "still": TensorProto.BOOL}
    given = [value(name, [] if name in kinds else None, kinds.get(name, TensorProto.FLOAT)) for name in inputs.split()]
    made = [value(name, None, kinds.get(name, TensorProto.FLOAT)) for name in outputs.split()]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    return helper.make_graph(nodes, "body", given, made, tensors)


def model(nodes, inputs, outputs, opset=12, **weights):
    """``inputs`` are arrays by name, ``outputs`` names."""
    given = [value(name, array.shape, mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype]) for name, array in inputs.items()]
    made = [value(name) for name in outputs.split()]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "graph", given, made, tensors)
    return helper.make_model(graph, ir_version=6, opset_imports=[helper.make_opsetid("", opset)])


def numbers(*shape):
    return np.random.RandomState(0).normal(size=shape).astype(np.float32)


class ControlFlow(unittest.TestCase):
    def simplified(self, given, inputs):
        """The model as the stage writes it, which computes the same; onnxruntime's outputs of the model as it was."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file, path = (Path(folder.name, name) for name in ("given.onnx", "simplified.onnx"))
        onnx.save(given, str(file))
        expected = onnxruntime_session.run(simplify.simplified(file, inputs, path)[0], inputs)
        written = onnx.load(str(path))
        found = onnxruntime_session.run(onnxruntime_session.session(written), inputs)
        self.assertEqual(list(found), list(expected))
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-6)
        return written, expected

    def expanded(self, given, inputs):
        written, expected = self.simplified(given, inputs)
        self.assertFalse({"If", "Loop", "Scan"}.intersection(model_file.operators(written)), given)
        return written, expected

    def left(self, given, inputs, op_type):
        self.assertIn(op_type, model_file.operators(self.simplified(given, inputs)[0]))


class If(ControlFlow):
    """y is twice x where c is true, else x - 1."""

    def branches(self, **more):
        then = body([node("Mul", "x two", "a")], "", "a", two=np.float32(2))
        return {"then_branch": then, "else_branch": body([node("Sub", "x one", "a")], "", "a"), **more}

    def test_becomes_the_branch_that_is_taken(self):
        x = {"x": numbers(2, 3)}
        for chosen, expected in ((True, x["x"] * 2), (False, x["x"] - 1)):
            given = model([node("If", "c", "y", **self.branches())], x, "y", c=chosen, one=np.float32(1))
            self.assertTrue(np.array_equal(self.expanded(given, x)[1]["y"], expected))

    def test_of_what_sizes_decide(self):
        x = {"x": numbers(1, 4)}
        nodes = [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Equal", "n one_row", "c"),
            node("If", "c", "y", **self.branches()),
        ]
        given = model(nodes, x, "y", one=np.float32(1), zero=np.int64(0), one_row=np.int64(1))
        self.assertEqual(model_file.operators(self.expanded(given, x)[0]), {"Identity": 1, "Mul": 1})

    def test_passes_on_values_of_the_graph_around_it(self):
        x = {"x": numbers(2, 3)}
        branches = self.branches(then_branch=body([node("Identity", "x", "a")], "", "a"))
        given = model([node("If", "c", "y", **branches), node("Neg", "y", "z")], x, "z y", c=True, one=np.float32(1))
        self.expanded(given, x)

    def test_of_which_a_branch_is_a_value_of_the_graph_around_it(self):
        x = {"x": numbers(2, 3)}
        branches = self.branches(then_branch=body([], "", "x"))
        self.expanded(model([node("If", "c", "y", **branches)], x, "y", c=True, one=np.float32(1)), x)
        decided = {**x, "c": np.array(True)}
        given = model([node("If", "c", "y", **branches), node("Neg", "y", "z")], decided, "z y", one=np.float32(1))
        self.left(given, decided, "If")

    def test_in_a_branch_of_another(self):
        x = {"x": numbers(2, 3)}
        inner = node("If", "d", "b", **self.branches())
        outer = node("If", "c", "y", **self.branches(then_branch=body([inner, node("Neg", "b", "a2")], "", "a2")))
        given = model([outer], x, "y", c=True, d=np.array([False]), one=np.float32(1))
        self.expanded(given, x)
        decided = model([outer], {**x, "c": np.array(True)}, "y", d=np.array([False]), one=np.float32(1))
        written, _ = self.simplified(decided, {**x, "c": np.array(True)})
        self.assertEqual(model_file.operators(written)["If"], 1)

    def test_of_constants_in_a_branch_of_another(self):
        x = {"x": numbers(1, 4), "c": np.array(True)}
        sizes = [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Equal", "n one_row", "d")]
        condition = node("Constant", "", "d", value=numpy_helper.from_array(np.array([True]), "d"))
        for made in (sizes, [condition]):
            inner = [*made, node("If", "d", "b", **self.branches()), node("Neg", "b", "a2")]
            outer = node("If", "c", "y", **self.branches(then_branch=body(inner, "", "a2")))
            given = model([outer], x, "y", one=np.float32(1), zero=np.int64(0), one_row=np.int64(1))
            self.assertEqual(model_file.operators(self.simplified(given, x)[0])["If"], 1)

    def test_around_a_loop_that_counts_to_a_constant(self):
        x = {"x": numbers(2, 3), "c": np.array(True)}
        turn = body([node("Identity", "on", "still"), node("Mul", "v v", "w")], "turn on v", "still w")
        for count in ({"value_int": 3}, {"value": numpy_helper.from_array(np.int64(3), "n")}):
            inner = [node("Constant", "", "n", **count), helper.make_node("Loop", ["n", "", "x"], ["a2"], body=turn)]
            outer = node("If", "c", "y", **self.branches(then_branch=body(inner, "", "a2")))
            written, _ = self.simplified(model([outer], x, "y", one=np.float32(1)), x)
            self.assertNotIn("Loop", model_file.operators(written))

    def test_of_several_outputs_and_equal_names_in_both_branches(self):
        x = {"x": numbers(2, 3)}
        branches = {
            "then_branch": body([node("Neg", "x", "a"), node("Abs", "a", "b")], "", "b a"),
            "else_branch": body([node("Abs", "x", "a"), node("Neg", "a", "b")], "", "a b"),
        }
        for chosen in (True, False):
            self.expanded(model([node("If", "c", "y z", **branches)], x, "z y", c=chosen), x)

    def test_stays_where_data_decides(self):
        given = {"x": numbers(2, 3), "c": np.array(True)}
        self.left(model([node("If", "c", "y", **self.branches())], given, "y", one=np.float32(1)), given, "If")


class Loop(ControlFlow):
    """Adds its turn to a sum that starts as x, and keeps all sums."""

    def adding(self, still="on", trips=3, condition=True, opset=12, **weights):
        nodes = [
            node("Cast", "turn", "number", to=TensorProto.FLOAT),
            node("Add", "sum number", "more"),
            node("Mul", "more k", "sum_out"),
            node("Identity", "sum_out", "row"),
            node("Identity", still, "still"),
        ]
        loop = body(nodes, "turn on sum", "still sum_out row", k=np.float32(2))
        inputs = ["trips", "" if condition is None else "condition", "x"]
        made = helper.make_node("Loop", inputs, ["y", "rows"], body=loop)
        weights.update(trips=np.int64(trips), condition=bool(condition))
        return model([made], {"x": numbers(2, 3)}, "y rows", opset=opset, **weights)

    def test_is_unrolled(self):
        x = {"x": numbers(2, 3)}
        for opset in (11, 12, 13):
            written, expected = self.expanded(self.adding(opset=opset), x)
            self.assertEqual(expected["rows"].shape, (3, 2, 3))
            self.assertEqual(model_file.operators(written)["Mul"], 3)
        self.expanded(self.adding(condition=None), x)
        self.expanded(self.adding(still="always", always=True), x)
        self.expanded(self.adding(trips=1), x)

    def test_shares_the_constants_of_its_turns(self):
        written, _ = self.expanded(self.adding(), {"x": numbers(2, 3)})
        weights = [numpy_helper.to_array(tensor) for tensor in written.graph.initializer]
        self.assertEqual(sum(np.array_equal(weight, 2) and weight.dtype == np.float32 for weight in weights), 2)

    def test_in_a_loop(self):
        x = {"x": numbers(2)}
        inner = body([node("Add", "z outer", "z2"), node("Identity", "on", "still")], "turn on z", "still z2")
        nodes = [
            node("Mul", "sum x", "outer"),
            helper.make_node("Loop", ["two", "", "sum"], ["z3"], body=inner),
            node("Identity", "on1", "still1"),
        ]
        inner.input[0].name, inner.input[1].name = "turn2", "on2"
        inner.node[1].input[0] = "on2"
        outer = body(nodes, "turn1 on1 sum", "still1 z3")
        for name, kind in (("turn1", TensorProto.INT64), ("on1", TensorProto.BOOL)):
            next(each for each in outer.input if each.name == name).CopyFrom(value(name, [], kind))
        outer.output[0].CopyFrom(value("still1", [], TensorProto.BOOL))
        given = model([helper.make_node("Loop", ["three", "", "x"], ["y"], body=outer)], x, "y", two=2, three=3)
        self.assertEqual(model_file.operators(self.expanded(given, x)[0])["Add"], 6)

    def test_whose_turns_differ_by_constants(self):
        x = {"x": numbers(2, 3)}
        branches = {
            "then_branch": body([node("Neg", "sum", "a")], "", "a"),
            "else_branch": body([node("Abs", "sum", "b")], "", "b"),
        }
        nodes = [
            node("Equal", "turn one", "c"),
            node("If", "c", "sum_out", **branches),
            node("Identity", "on", "still"),
        ]
        loop = body(nodes, "turn on sum", "still sum_out", one=np.int64(1))
        given = model([helper.make_node("Loop", ["trips", "", "x"], ["y"], body=loop)], x, "y", trips=np.int64(3))
        self.assertEqual(model_file.operators(self.expanded(given, x)[0]), {"Abs": 2, "Identity": 1, "Neg": 1})

    def test_of_which_no_data_decides_how_often_it_runs(self):
        """Counts by two up to a number, and doubles x meanwhile."""
        x = {"x": numbers(2, 3)}
        nodes = [
            node("Add", "count two", "count_out"),
            node("Less", "count_out end", "still"),
            node("Add", "z z", "z2"),
        ]
        loop = body(nodes, "turn on count z", "still count_out z2", two=np.float32(2))
        for trips, end, turns in (("", 7, 4), ("trips", 7, 4), ("trips", 100, 9), ("", 0, 1)):
            looped = helper.make_node("Loop", [trips, "", "zero", "x"], ["", "y"], body=loop)
            constants = {"zero": np.float32(0), "end": np.float32(end), "trips": np.int64(9)}
            written, _ = self.expanded(model([looped], x, "y", **constants), x)
            self.assertEqual(model_file.operators(written)["Add"], turns)
        looped = helper.make_node("Loop", ["", "", "zero", "x"], ["", "y"], body=loop)
        endless = model([looped], {**x, "end": np.float32(7)}, "y", zero=np.float32(0))
        self.left(endless, {**x, "end": np.array(7, np.float32)}, "Loop")

    def test_that_never_runs(self):
        x = {"x": numbers(2, 3)}
        for given in (self.adding(trips=0), self.adding(condition=False)):
            self.left(given, x, "Loop")
            del given.graph.output[1], given.graph.node[0].output[1], given.graph.node[0].attribute[0].g.output[2]
            self.expanded(given, x)

    def test_stays_where_it_is_not_known_how_often_it_runs(self):
        x = {"x": numbers(2, 3)}
        until = self.adding(still="positive")
        loop = until.graph.node[0].attribute[0].g
        loop.node.insert(0, node("ReduceSum", "sum", "total", keepdims=0))
        loop.node.insert(1, node("Greater", "total k", "positive"))
        self.left(until, x, "Loop")
        self.left(self.adding(trips=open_graph.MOST), x, "Loop")


class Scan(ControlFlow):
    """Multiplies the sum so far by rows of x, and keeps all sums."""

    def scanning(self, shape, count=1, opset=11, **settings):
        loop = body([node("Mul", "sum row", "sum_out"), node("Neg", "sum_out", "kept")], "sum row", "sum_out kept")
        rows = settings.get("scan_input_axes", [0])[0]
        start = np.full([size for axis, size in enumerate(shape) if axis != rows % len(shape)], 2, np.float32)
        inputs = ["", "start", "x"] if opset == 8 else ["start", "x"]
        made = helper.make_node("Scan", inputs, ["y", "all"], body=loop, num_scan_inputs=count, **settings)
        return model([made], {"x": numbers(*shape)}, "y all", opset=opset, start=start)

    def test_is_unrolled(self):
        x = {"x": numbers(3, 2)}
        for opset in (9, 11, 12, 13):
            written, expected = self.expanded(self.scanning((3, 2), opset=opset), x)
            self.assertEqual(expected["all"].shape, (3, 2))
            self.assertEqual(model_file.operators(written)["Mul"], 3)

    def test_along_any_axis_either_way(self):
        x = {"x": numbers(3, 2, 4)}
        for settings in (
            {"scan_input_axes": [1], "scan_output_axes": [1]},
            {"scan_input_axes": [-1], "scan_output_axes": [-1]},
            {"scan_input_directions": [1]},
            {"scan_input_directions": [1], "scan_output_directions": [1]},
        ):
            self.expanded(self.scanning((3, 2, 4), **settings), x)

    def test_of_a_batch(self):
        x = {"x": numbers(2, 3, 4)}
        for settings in ({}, {"directions": [1]}):
            given = self.scanning((2, 3, 4), opset=8, **settings)
            given.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((2, 4), 2, np.float32), "start"))
            _, expected = self.expanded(given, x)
            self.assertEqual(expected["all"].shape, (2, 3, 4))

    def test_stays_where_it_is_long(self):
        self.left(self.scanning((open_graph.MOST, 1)), {"x": numbers(open_graph.MOST, 1)}, "Scan")


class Sequences(ControlFlow):
    def of_tensors(self, nodes, outputs="y", **weights):
        x = {"x": numbers(4, 3)}
        written, expected = self.expanded(model(nodes, x, outputs, **weights), x)
        self.assertFalse([op_type for op_type in model_file.operators(written) if "Sequence" in op_type])
        return x["x"], expected["y"]

    def test_are_read_where_they_were_put_together(self):
        nodes = [
            node("Neg", "x", "a"),
            node("SequenceConstruct", "x a", "s"),
            node("Abs", "x", "b"),
            node("SequenceInsert", "s b", "s1"),
            node("SequenceInsert", "s1 b one", "s2"),
            node("SequenceErase", "s2 zero", "s3"),
        ]
        x, y = self.of_tensors(
            [*nodes, node("ConcatFromSequence", "s3", "y", axis=0)], one=np.int64(-1), zero=np.int64(0)
        )
        np.testing.assert_array_equal(y, np.concatenate([-x, abs(x), abs(x)]))
        x, y = self.of_tensors(
            [*nodes, node("ConcatFromSequence", "s3", "y", axis=-1, new_axis=1)], one=np.int64(-1), zero=np.int64(0)
        )
        np.testing.assert_array_equal(y, np.stack([-x, abs(x), abs(x)], -1))

    def test_of_parts(self):
        at = [
            node("SequenceAt", "s place", "y"),
            node("SequenceLength", "s", "n"),
            node("Add", "n place", "total"),
            node("Cast", "total", "z", to=1),
        ]
        for split, given, expected in (
            ("x", {}, lambda x: x[2:3]),
            ("x", {"keepdims": 0, "axis": -1}, lambda x: x[:, 2]),
            ("x three", {"axis": 0}, lambda x: x[3:]),
            ("x sizes", {}, lambda x: x[1:4]),
        ):
            place = {"x three": 1, "x sizes": -1}.get(split, 2)
            x, y = self.of_tensors(
                [node("SplitToSequence", split, "s", **given), *at],
                "y z",
                place=np.int64(place),
                three=np.int64(3),
                sizes=np.array([1, 3]),
            )
            np.testing.assert_array_equal(y, expected(x))

    def test_that_a_loop_fills(self):
        sequence = onnx.ValueInfoProto(name="rows")
        sequence.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
        nodes = [
            node("Gather", "x turn", "row"),
            node("SequenceInsert", "rows row", "more"),
            node("Identity", "on", "still"),
        ]
        loop = body(nodes, "turn on", "still more")
        loop.input.append(sequence)
        loop.output[1].CopyFrom(sequence)
        loop.output[1].name = "more"
        nodes = [
            node("SequenceEmpty", "", "none"),
            helper.make_node("Loop", ["trips", "", "none"], ["all"], body=loop),
            node("ConcatFromSequence", "all", "y", axis=0, new_axis=1),
        ]
        x = {"x": numbers(4, 3)}
        _, expected = self.expanded(model(nodes, x, "y", opset=13, trips=np.int64(3)), x)
        np.testing.assert_array_equal(expected["y"], x["x"][:3])


if __name__ == "__main__":
    unittest.main()
