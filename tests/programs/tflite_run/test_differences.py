import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import built
import numpy as np
from built import File, Graph, Operator, Signature, Tensor

from stagekit import Request, StageError, arrays
from tflite_run import infer
from tflite_run.differences import operation, pairing

RANDOM = np.random.RandomState(0)
KERNEL = RANDOM.standard_normal((8, 3, 3, 4)).astype(np.float32)
INTEGERS = RANDOM.randint(-100, 100, (6, 4)).astype(np.int8)
BIAS = np.arange(8, dtype=np.float32)


def network(kernel=KERNEL, prefix="", stride=2, version=1, activation=True, shape=(1, 8, 8, 4)):
    """A convolution, a ReLU unless told otherwise, and a softmax."""
    tensors = [
        Tensor(prefix + "image", shape),
        Tensor(prefix + "kernel", kernel.shape, data=kernel),
        Tensor(prefix + "bias", (8,), data=BIAS),
        Tensor(prefix + "conv", (1, 4, 4, 8)),
        Tensor(prefix + "scores", (1, 4, 4, 8)),
    ]
    options = {"Padding": 0, "StrideW": stride, "StrideH": stride, "FusedActivationFunction": 0}
    operators = [Operator("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", options, version)]
    if activation:
        tensors.append(Tensor(prefix + "relu", (1, 4, 4, 8)))
        operators.append(Operator("RELU", (3,), (5,)))
    operators.append(Operator("SOFTMAX", (5 if activation else 3,), (4,), "SoftmaxOptions", {"Beta": 1.0}))
    return Graph(tensors, operators, (0,), (4,))


def dense(weights, dtype="float32", **quantization):
    """A matrix by an input."""
    tensors = [
        Tensor("x", (1, weights.shape[1])),
        Tensor("w", weights.shape, dtype, weights, **quantization),
        Tensor("y", (1, weights.shape[0])),
    ]
    return Graph(tensors, [Operator("FULLY_CONNECTED", (0, 1, -1), (2,))], (0,), (2,))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def diff(self, one, other):
        """Two files, or graphs that are alone in theirs, told apart; what is told can be told on."""
        for name, given in (("one", one), ("other", other)):
            file = File([given]) if isinstance(given, Graph) else given
            (self.folder / name).write_bytes(file if isinstance(file, bytes) else built.content(file))
        roles = {"one": "one", "other": "other"}
        message = {"id": "1", "operation": "diff", "parameters": {}, "inputs": roles, "outputs": {}}
        found = infer.OPERATIONS["diff"](Request(message, self.folder, self.folder))
        return json.loads(json.dumps(found, allow_nan=False))

    def told(self, one, other):
        """The differences as tuples: kind, where, what, and either side."""
        found = self.diff(one, other)
        self.assertEqual(sum(found["counts"].values()), len(found["differences"]))
        self.assertTrue(0 < found["distance"] <= 1, found["distance"])
        keys = ("kind", "where", "what", "ours", "theirs")
        return [tuple(each[key] for key in keys) for each in found["differences"]]

    def weights(self, one, other):
        """How the only constants of two graphs that differ are related."""
        (found,) = (each for each in self.diff(one, other)["differences"] if each["kind"] == "weights")
        return dict(found["weights"], where=found["where"])


class Operators(Case):
    def test_the_same_bytes_differ_in_nothing(self):
        found = self.diff(network(), network())
        self.assertEqual(found["distance"], 0)
        self.assertEqual(found["differences"], [])
        self.assertEqual(found["operators"], {"total": 3, "differing": 0})
        self.assertEqual(found["tensors"], {"total": 6, "differing": 0})
        self.assertEqual(found["weights"], {"equal": 2})

    def test_options_and_versions_by_name(self):
        self.assertEqual(
            self.told(network(), network(stride=1, version=3)),
            [
                ("options", "CONV_2D 0", "stride_h", "2", "1"),
                ("options", "CONV_2D 0", "stride_w", "2", "1"),
                ("versions", "CONV_2D 0", "version", "1", "3"),
            ],
        )

    def test_an_operator_that_one_file_lacks_is_all_that_is_told(self):
        self.assertEqual(
            self.told(network(), network(activation=False)), [("operators", "RELU 1", "only in the first", "", "")]
        )
        self.assertEqual(
            self.told(network(activation=False), network()), [("operators", "RELU 1", "only in the other", "", "")]
        )

    def test_other_names_are_no_other_operators(self):
        found = self.diff(network(), network(prefix="other/", activation=False))
        self.assertEqual(found["counts"], {"operators": 1, "names": 5})
        self.assertEqual(found["operators"], {"total": 3, "differing": 1})
        self.assertEqual(found["weights"], {"equal": 2})
        names = [each for each in found["differences"] if each["kind"] == "names"]
        self.assertEqual((names[0]["where"], names[0]["theirs"]), ("input 0", "other/image"))
        self.assertEqual((names[-1]["where"], names[-1]["tensor"]), ("SOFTMAX 2/1 output 0", "scores"))

    def test_inputs_of_an_operator_that_change_places(self):
        def graph(*read):
            tensors = [Tensor(name, (2,)) for name in "abc"]
            return Graph(tensors, [Operator("SUB", read, (2,))], (0, 1), (2,))

        self.assertEqual(
            self.told(graph(0, 1), graph(1, 0)),
            [("connections", "SUB 0", "input 0", "a", "b"), ("connections", "SUB 0", "input 1", "b", "a")],
        )
        self.assertEqual(self.told(graph(0, 1), graph(0)), [("connections", "SUB 0", "input 1", "b", "")])

    def test_a_constant_in_place_of_what_was_computed(self):
        def graph(data):
            tensors = [Tensor("a", (2,)), Tensor("b", (2,)), Tensor("c", (2,), data=data), Tensor("d", (2,))]
            operators = [Operator("NEG", (0,), (1,)), Operator("ADD", (1, 1 if data is None else 2), (3,))]
            return Graph(tensors, operators, (0,), (3,))

        found = self.told(graph(None), graph(np.ones(2, np.float32)))
        self.assertIn(("connections", "ADD 1", "input 1", "b", "c"), found)

    def test_branches_in_another_order(self):
        def graph(order, names="abcd"):
            tensors = [Tensor(name, (2,)) for name in names]
            operators = [Operator("ABS", (0,), (1,)), Operator("NEG", (0,), (2,)), Operator("ADD", (1, 2), (3,))]
            return Graph(tensors, [operators[at] for at in order], (0,), (3,))

        for names in ("abcd", "efgh"):
            found = self.diff(graph((0, 1, 2)), graph((1, 0, 2), names))
            (order,) = (each for each in found["differences"] if each["kind"] == "order")
            self.assertIn(order["where"], ("ABS 0/1", "NEG 1/0"))
            self.assertEqual(found["operators"]["differing"], 0)

    def test_a_custom_operator_is_not_the_builtin_of_its_name(self):
        self.assertEqual(
            self.told(
                Graph([Tensor("a", (1,))], [Operator("Mine", (0,), (0,), custom=b"ab")], (0,), (0,)),
                Graph([Tensor("a", (1,))], [Operator("Mine", (0,), (0,), custom=b"ac")], (0,), (0,)),
            )[0][:3],
            ("options", "CUSTOM Mine 0", "custom_options"),
        )

    def test_thousands_of_operators_of_a_kind(self):
        def graph(numbers):
            tensors = [Tensor("x", (1,))]
            operators = []
            for number in numbers:
                tensors += [Tensor("", (1,), data=np.array([number], np.float32)), Tensor("", (1,))]
                operators.append(
                    Operator("ADD", (len(tensors) - 3 if operators else 0, len(tensors) - 2), (len(tensors) - 1,))
                )
            return Graph(tensors, operators, (0,), (len(tensors) - 1,))

        found = self.diff(graph(range(1000)), graph([n for n in range(1000) if n not in (3, 500)]))
        self.assertEqual(
            [each["where"] for each in found["differences"] if each["kind"] == "operators"], ["ADD 3", "ADD 500"]
        )
        self.assertEqual(found["weights"], {"equal": 998})

    def test_more_operators_than_can_be_aligned_are_paired_by_their_places(self):
        with mock.patch.object(pairing, "_MOST_CELLS", 1):
            found = self.diff(network(prefix="a"), network(prefix="b", stride=1))
        self.assertEqual(found["operators"], {"total": 3, "differing": 1})

    def test_every_graph(self):
        first, second = dense(INTEGERS.astype(np.float32)), network()
        self.assertEqual(
            self.told(File([first, second]), File([first, network(stride=1)]))[0],
            ("options", "graph 1: CONV_2D 0", "stride_h", "2", "1"),
        )
        found = self.told(File([first, second]), File([first]))
        self.assertIn(("graphs", "file", "graphs", "2", "1"), found)
        self.assertIn(("operators", "graph 1: RELU 1", "only in the first", "", ""), found)


class Tensors(Case):
    def test_shapes_and_sizes_left_open(self):
        self.assertEqual(
            self.told(network(), network(shape=(2, 8, 8, 4))), [("shapes", "input 0", "", "1x8x8x4", "2x8x8x4")]
        )
        graphs = [Graph([Tensor("a", (1, 2), signature=to)], [], (0,), (0,)) for to in ((), (-1, 2))]
        self.assertEqual(self.told(*graphs), [("shapes", "input 0", "", "1x2", "?x2 (1x2 at first)")])

    def test_what_keeps_its_values(self):
        graphs = [Graph([Tensor("a", (1,), variable=variable)], [], (0,), (0,)) for variable in (False, True)]
        self.assertEqual(self.told(*graphs), [("types", "input 0", "keeps its values", "False", "True")])

    def test_scales_zero_points_and_what_calibration_saw(self):
        one = {"scales": (0.5,), "zero_points": (3,), "seen": (-1, 1)}
        graphs = [
            Graph([Tensor("a", (1,), "int8", **each)], [], (0,), (0,))
            for each in (one, dict(one, scales=(0.25,)), dict(one, zero_points=(4,)), dict(one, seen=(-1, 2)))
        ]
        for other, told in zip(
            graphs[1:],
            (
                ("quantization", "input 0", "scales", "0.5", "0.25"),
                ("quantization", "input 0", "zero points", "3", "4"),
                ("metadata", "input 0", "smallest and largest seen", "-1, 1", "-1, 2"),
            ),
        ):
            self.assertEqual(self.told(graphs[0], other), [told])

    def test_scales_by_channel(self):
        def graph(scales, axis=0):
            return dense(INTEGERS, "int8", scales=scales, zero_points=(0,) * len(scales), axis=axis)

        scales = (0.5, 0.25, 0.125, 1, 2, 4)
        found = self.told(graph(scales), graph((0.75, *scales[1:])))
        self.assertEqual(found[0][:3], ("quantization", "FULLY_CONNECTED 0 input 1", "1 of 6 scales"))
        self.assertIn(
            ("types", "input 0", "", "float32", "int8"),
            self.told(Graph([Tensor("a", (1,))], [], (0,), (0,)), Graph([Tensor("a", (1,), "int8")], [], (0,), (0,))),
        )


class Weights(Case):
    def test_a_step_of_rounding(self):
        near = np.nextafter(KERNEL, np.float32(10))
        found = self.weights(network(), network(near))
        self.assertEqual((found["relation"], found["values"], found["differing"]), ("within a step", 288, 288))
        self.assertTrue(0 < found["largest"] < 1e-6)
        self.assertAlmostEqual(found["magnitude"], float(np.abs(near).max()), 5)

    def test_values_that_are_others(self):
        far = KERNEL.copy()
        far[0, 0, 0, :2] += 0.5
        found = self.weights(network(), network(far))
        self.assertEqual((found["relation"], found["differing"]), ("different", 2))
        self.assertAlmostEqual(found["largest"], 0.5, 6)
        far[0, 0, 0, 0] = np.nan
        self.assertIsNone(self.weights(network(), network(far))["largest"])

    def test_integers_by_one_and_by_more(self):
        quantization = {"scales": (0.5,), "zero_points": (0,)}
        for by, relation, largest in ((1, "within a step", 0.5), (2, "different", 1.0)):
            other = INTEGERS.copy()
            other[2, 1] += by
            found = self.weights(dense(INTEGERS, "int8", **quantization), dense(other, "int8", **quantization))
            self.assertEqual((found["relation"], found["differing"], found["largest"]), (relation, 1, largest))

    def test_floats_and_the_integers_that_stand_for_them(self):
        scales = np.linspace(0.01, 0.06, 6)
        floats = (INTEGERS * scales[:, None]).astype(np.float32)
        by_channel = dense(INTEGERS, "int8", scales=scales, zero_points=(0,) * 6)
        found = self.weights(dense(floats + np.float32(0.005)), by_channel)
        self.assertEqual((found["relation"], found["differing"]), ("within a step", 24))
        self.assertEqual(self.weights(dense(floats + np.float32(0.1)), by_channel)["relation"], "different")

    def test_half_floats_behind_what_widens_them(self):
        full = dense(INTEGERS.astype(np.float32) / 7)
        tensors = [*full.tensors, Tensor("w16", (6, 4), "float16", full.tensors[1].data.astype(np.float16))]
        tensors[1] = tensors[1]._replace(data=None, name="w_dequantize")
        tensors[3] = tensors[3]._replace(name="w")
        operators = [Operator("DEQUANTIZE", (3,), (1,)), *full.operators]
        found = self.diff(full, full._replace(tensors=tensors, operators=operators))
        self.assertEqual(found["weights"], {"within a step": 1})
        self.assertEqual(found["counts"], {"operators": 1, "types": 1, "weights": 1, "layout": 1})

    def test_axes_in_another_order(self):
        turned = np.ascontiguousarray(KERNEL.transpose(1, 2, 3, 0))
        found = self.weights(network(), network(turned))
        self.assertEqual((found["relation"], found["axes"]), ("permuted", [1, 2, 3, 0]))
        found = self.weights(network(), network(turned.reshape(-1)))
        self.assertEqual((found["relation"], found["axes"]), ("permuted", [1, 2, 3, 0]))

    def test_an_order_of_no_axes(self):
        found = self.weights(network(), network(KERNEL[::-1]))
        self.assertEqual((found["relation"], found["axes"]), ("reordered", []))

    def test_another_shape_of_the_same_values_is_no_difference_of_weights(self):
        found = self.told(network(), network(KERNEL.reshape(8, 9, 4)))
        self.assertEqual(found, [("shapes", "CONV_2D 0 input 1", "", "8x3x3x4", "8x9x4")])

    def test_sizes_that_do_not_fit(self):
        found = self.weights(network(), network(KERNEL[:4]))
        self.assertEqual((found["relation"], found["values"], found["differing"]), ("different", 288, 288))

    def test_few_values_are_shown(self):
        graphs = [
            Graph(
                [Tensor("a", (2, 3)), Tensor("axes", (2,), "int32", np.array(axes, np.int32)), Tensor("b", (3, 2))],
                [Operator("TRANSPOSE", (0, 1), (2,))],
                (0,),
                (2,),
            )
            for axes in ((0, 1), (1, 0))
        ]
        self.assertEqual(self.told(*graphs), [("weights", "TRANSPOSE 0 input 1", "", "0, 1", "1, 0")])
        self.assertEqual(self.weights(*graphs)["relation"], "different")

    def test_constants_that_only_one_file_shares(self):
        def graph(*read):
            constants = [Tensor(name, (2,), data=BIAS[:2]) for name in "bc"]
            tensors = [Tensor("a", (2,)), *constants, Tensor("d", (2,)), Tensor("e", (2,))]
            operators = [Operator("ADD", (0, read[0]), (3,)), Operator("ADD", (3, read[1]), (4,))]
            return Graph(tensors, operators, (0,), (4,))

        found = self.diff(graph(1, 2), graph(1, 1))
        self.assertEqual((found["counts"], found["distance"]), ({"layout": 1}, 0.004))

    def test_four_bits(self):
        kind = 17
        graphs = [
            Graph([Tensor("a", (3,), data=np.array(data, np.uint8), kind=kind, scales=(1,))], [], (), ())
            for data in ([0x2F, 0x07], [0x2E, 0x07], [0x2F, 0x05])
        ]
        found = self.weights(*graphs[:2])
        self.assertEqual((found["relation"], found["values"], found["differing"]), ("within a step", 3, 1))
        self.assertEqual(self.weights(graphs[0], graphs[2])["largest"], 2)

    def test_what_is_no_numbers(self):
        graphs = [
            Graph([Tensor("a", (3,), data=np.array(data, np.uint8), kind=5)], [], (), ()) for data in ([1, 2], [1, 3])
        ]
        self.assertEqual(self.weights(*graphs)["values"], 2)


class Around(Case):
    def test_nothing_but_bytes(self):
        told = self.told(File([network()]), File([network()], gap=40))
        self.assertEqual(told, [("layout", "file", "holds the same, laid out in another way", "", "")])

    def test_the_order_of_buffers_and_operator_codes(self):
        told = self.told(File([network()]), File([network()], backwards=True))
        self.assertEqual(
            [each[1:3] for each in told],
            [("operator codes", "come in another order"), ("buffers", "come in another order")],
        )

    def test_description_and_metadata(self):
        files = [
            File([network()], description=name, metadata={"min_runtime_version": name.encode() + b"\0\0"})
            for name in ("1.5", "2.4")
        ]
        self.assertEqual(
            self.told(*files),
            [
                ("metadata", "file", "description", "1.5", "2.4"),
                ("metadata", "metadata", "min_runtime_version", "1.5", "2.4"),
            ],
        )

    def test_signatures(self):
        def file(*signatures):
            return File([network()], signatures=signatures)

        named = Signature({"image": 0}, {"scores": 4})
        self.assertEqual(
            self.told(file(named), file(Signature({"picture": 0}, {"scores": 4}))),
            [("signatures", "signature serving_default inputs", "", "image", "picture")],
        )
        self.assertEqual(
            self.told(file(named), file(Signature({"image": 0}, {"scores": 3})))[0][:2],
            ("signatures", "signature serving_default outputs"),
        )
        self.assertEqual(
            self.told(file(), file(named)), [("signatures", "signature serving_default", "only in the other", "", "")]
        )

    def test_outputs_in_another_order(self):
        graph = network()
        told = self.told(graph._replace(outputs=(3, 4)), graph._replace(outputs=(4, 3)))
        self.assertEqual(told, [("order", "outputs", "come in another order", "", "")])
        told = self.told(graph, graph._replace(outputs=(4, 3)))
        self.assertEqual(told, [("connections", "outputs", "number", "1", "2")])

    def test_the_others_inputs_and_outputs_by_the_firsts_names(self):
        signed = File([network()], signatures=[Signature({"image": 0}, {"classes": 4})])
        feeds = self.diff(signed, network(prefix="other/"))["feeds"]
        floats = {"ours": None, "theirs": None}
        self.assertEqual(feeds["inputs"], [dict(floats, name="image", tensor="other/image")])
        self.assertEqual(feeds["outputs"], [dict(floats, name="classes", tensor="other/scores")])
        graph = network()
        self.assertIsNone(self.diff(graph, graph._replace(outputs=(4, 3)))["feeds"])

    def test_what_a_step_of_an_integer_output_is(self):
        graphs = [
            Graph([Tensor("a", (1,), "int8", scales=each, zero_points=(3,))], [], (0,), (0,))
            for each in ((0.5,), (np.inf,))
        ]
        (output,) = self.diff(*graphs)["feeds"]["outputs"]
        self.assertEqual((output["ours"], output["theirs"]), ({"scale": 0.5, "zero_point": 3}, None))

    def test_what_is_fed_by_these_names_runs(self):
        weights = INTEGERS.astype(np.float32)
        other = dense(weights)
        other = other._replace(tensors=[each._replace(name="other/" + each.name) for each in other.tensors])
        feeds = self.diff(dense(weights), other)["feeds"]
        arrays.write(self.folder / "samples", {"x": np.ones((1, 4), np.float32)})
        parameters = dict(feeds, threads=1)
        roles = {"model": "other", "samples": "samples"}
        message = {
            "id": "1",
            "operation": "infer",
            "parameters": parameters,
            "inputs": roles,
            "outputs": {"outputs": "out"},
        }
        infer.OPERATIONS["infer"](Request(message, self.folder, self.folder))
        np.testing.assert_allclose(arrays.read(self.folder / "out")["y"][0], weights.sum(axis=1), rtol=1e-5)

    def test_nearer_files_have_smaller_numbers(self):
        others = [
            File([network()], gap=8),
            network(np.nextafter(KERNEL, np.float32(10))),
            network(KERNEL + 1),
            network(activation=False),
            dense(INTEGERS.astype(np.float32)),
        ]
        found = [self.diff(network(), other)["distance"] for other in others]
        self.assertEqual(found, sorted(found))
        self.assertEqual(found, [self.diff(other, network())["distance"] for other in others])


class Strangers(Case):
    def refused(self, words, one, other):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.diff(one, other)
        self.assertEqual(caught.exception.kind, "usage")

    def test_which_file_is_none(self):
        self.refused("the first file: this is no TFLite file", b"PK\x03\x04 something", network())
        self.refused("the other file: this is no TFLite file", network(), b"")

    def test_a_file_that_is_cut_off_or_damaged(self):
        whole = built.content(File([network()], [Signature({"a": 0}, {"b": 4})], metadata={"m": b"1"}))
        for length in range(8, len(whole) - 16, 16):
            self.refused("the other file: this TFLite file is damaged", network(), whole[:length])
        stream = np.random.RandomState(0)
        refused = 0
        for _ in range(300):
            damaged = bytearray(whole)
            for at in stream.randint(8, len(whole), stream.randint(1, 5)):
                damaged[at] = stream.choice([0, 1, 2, 127, 128, 255])
            try:
                self.diff(network(), bytes(damaged))
            except StageError as error:
                refused += error.kind == "usage" and "damaged" in error.message
        self.assertTrue(100 < refused < 300, refused)

    def test_parts_that_lie_over_one_another_have_an_end(self):
        many = network()._replace(tensors=[*network().tensors, *[Tensor("", ())] * 3000])
        self.diff(network(), many)
        self.refused("more parts than its bytes have room for", network(), File([many], times=1000))

    def test_weights_that_all_tensors_share_have_an_end(self):
        def graph(value):
            data = np.full(2**16, value, np.float32)
            return Graph([Tensor(str(at), (2**16,), data=data) for at in range(100)], [], (), ())

        files = [File([graph(value)], share=True) for value in (1, 2)]
        self.assertEqual(self.diff(files[0], files[0])["weights"], {"equal": 100})
        self.refused("share weights so often", *files)

    def test_long_names_are_cut(self):
        found = self.diff(network(), network(prefix="x" * 10**6))
        self.assertEqual({len(each["theirs"]) for each in found["differences"]}, {120})
        self.assertIsNone(found["feeds"])

    def test_what_a_line_has_no_room_for_is_counted(self):
        graph = Graph([Tensor(str(at), (1,)) for at in range(100)], [], (), ())
        other = graph._replace(tensors=[each._replace(shape=(2,)) for each in graph.tensors])
        with mock.patch.object(operation, "_LONGEST_LIST", 2000):
            found = self.diff(graph, other)
        self.assertEqual(found["counts"], {"shapes": 100})
        self.assertTrue(10 < len(found["differences"]) < 20)


if __name__ == "__main__":
    unittest.main()
