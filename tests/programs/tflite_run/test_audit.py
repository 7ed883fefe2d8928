import json
import tempfile
import unittest
from pathlib import Path

import built
import integer_net as net
import numpy as np
from built import File, Graph, Operator, Signature, Tensor

from stagekit import Request, StageError, arrays
from tflite_run import infer, parts
from tflite_run.audit import alone

NAN = float("nan")
SCALES = net.TENSORS[net.BIAS].scales
# What is changed in a right file, and what is found then: the kind, where, and a part of the words.
MUTATIONS = {
    "a scale that is no number": (net.tensor(net.CONV, scales=[NAN]), "scales", "output 0", "finite"),
    "an infinite scale": (net.tensor(net.DENSE, scales=[float("inf")]), "scales", "output 0", "finite"),
    "a scale of 0": (net.tensor(net.X, scales=[0]), "scales", "input 0", "above 0"),
    "a negative scale": (net.tensor(net.WEIGHTS, scales=[-0.005]), "scales", "input 1", "above 0"),
    "a bias with another scale": (net.tensor(net.ROWS, scales=[0.001]), "bias", "input 2", "0.000125"),
    "one channel of a bias": (
        net.tensor(net.BIAS, scales=[*SCALES[:3], 2 * SCALES[3], *SCALES[4:]]),
        *("bias", "input 2", "in channel 3"),
    ),
    "an input with another scale": (net.tensor(net.X, scales=[0.03]), "bias", "input 2", "7 of 8"),
    "weights with another scale": (net.tensor(net.WEIGHTS, scales=[0.01]), "bias", "input 2", "0.00025"),
    "a bias with a zero point": (net.tensor(net.ROWS, zero_points=[1]), "bias", "input 2", "zero point 1"),
    "a bias for other channels": (
        net.tensor(net.BIAS, scales=SCALES[:1], zero_points=[0]),
        *("bias", "input 2", "1 scales"),
    ),
    "a bias that is too short": (
        net.tensor(net.ROWS, shape=(4,), data=np.zeros(4, np.int32)),
        *("shapes", "FULLY_CONNECTED 3", "4 values for 5"),
    ),
    "a zero point that int8 has not": (net.tensor(net.DENSE, zero_points=[200]), "zero points", "output 0", "200"),
    "weights with a zero point": (net.tensor(net.WEIGHTS, zero_points=[3]), "zero points", "input 1", "has to be 0"),
    "zero points that lack": (net.tensor(net.KERNEL, zero_points=[0] * 5), "zero points", "input 1", "5 zero points"),
    "scales along another axis": (net.tensor(net.KERNEL, axis=3), "channels", "input 1", "axis 3"),
    "scales along no axis": (net.tensor(net.KERNEL, axis=4), "channels", "input 1", "axis 4"),
    "scales of other channels": (
        net.tensor(net.KERNEL, scales=[0.01] * 7, zero_points=[0] * 7),
        *("channels", "input 1", "7 scales"),
    ),
    "another scale behind a maximum": (net.tensor(net.POOL, scales=[0.05]), "ranges", "input 0", "doesn't scale"),
    "another zero point behind a reshape": (
        net.tensor(net.FLAT, zero_points=[-127]),
        *("ranges", "input 0", "zero point -127"),
    ),
    "scores with another scale": (net.tensor(net.SCORES, scales=[1 / 128]), "ranges", "output 0", "0.00390625"),
    "scores with another zero point": (net.tensor(net.SCORES, zero_points=[0]), "ranges", "output 0", "-128"),
    "another stride": (net.operator(0, {"StrideH": 1}), "shapes", "CONV_2D 0", "1x8x4x8"),
    "another padding": (net.operator(0, {"Padding": 1}), "shapes", "CONV_2D 0", "1x3x3x8"),
    "weights of other shape": (net.tensor(net.WEIGHTS, shape=(32, 5)), "shapes", "FULLY_CONNECTED 3", "don't fit"),
    "weights of another layer": (
        net.operator(3, inputs=(net.FLAT, net.KERNEL, net.ROWS)),
        *("shapes", "FULLY_CONNECTED 3", "don't fit"),
    ),
    "weights that are cut": (
        net.tensor(net.KERNEL, data=net.TENSORS[net.KERNEL].data[:7]),
        *("shapes", "input 1", "252 bytes"),
    ),
    "operators in another order": (
        net.file(operators=[net.OPERATORS[at] for at in (0, 2, 1, 3, 4)]),
        *("graph", "RESHAPE 1 input 0", "nothing has computed it"),
    ),
    "an operator that is left out": (
        net.file(operators=[net.OPERATORS[at] for at in (0, 2, 3, 4)]),
        *("graph", "RESHAPE 1 input 0", "nothing has computed it"),
    ),
    "a tensor that two operators write": (
        net.operator(1, outputs=(net.CONV,)),
        *("graph", "MAX_POOL_2D 1 output 0", "values already"),
    ),
    "a signature that names no output": (
        net.file(signatures=[Signature({"image": net.X}, {"scores": net.DENSE})]),
        *("signatures", "outputs", "none of the graph's"),
    ),
    "a signature that lacks an input": (
        net.file(signatures=[Signature({}, {"scores": net.SCORES})]),
        *("signatures", "inputs", "has no name"),
    ),
    "two signatures of a key": (
        net.file(signatures=[net.SIGNATURE, net.SIGNATURE]),
        *("signatures", "serving_default", "2 signatures"),
    ),
}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, file):
        path = self.folder / "model"
        path.write_bytes(built.content(file))
        return path

    def audit(self, file, **samples):
        roles = {"model": self.write(file).name, **samples}
        message = {"id": "1", "operation": "audit", "parameters": {}, "inputs": roles, "outputs": {}}
        found = infer.OPERATIONS["audit"](Request(message, self.folder, self.folder))
        return json.loads(json.dumps(found, allow_nan=False))


class Structure(Case):
    def test_nothing_is_found_in_a_right_file(self):
        self.assertEqual(self.audit(net.file())["findings"], [])

    def test_each_mutation_is_found(self):
        for name, (file, kind, where, words) in MUTATIONS.items():
            with self.subTest(name):
                found = [each for each in self.audit(file)["findings"] if each["wrong"]]
                fitting = [each for each in found if each["kind"] == kind and words in each["what"]]
                self.assertTrue(any(where in each["where"] for each in fitting), found)

    def test_a_constant_that_is_no_number_is_wrong_and_an_infinite_one_is_told(self):
        for value, wrong in ((NAN, True), (float("-inf"), False)):
            mask = Tensor("mask", (2,), data=np.array([0, value], np.float32))
            (found, _) = self.audit(net.file(tensors=[*net.TENSORS, mask]))["findings"]
            self.assertEqual((found["kind"], found["wrong"], found["tensor"]), ("constants", wrong, "mask"))

    def test_what_nothing_needs_is_told_and_not_wrong(self):
        dead = [*net.TENSORS, Tensor("dead", (2,), data=np.zeros(2, np.float32))]
        (found,) = self.audit(net.file(tensors=dead))["findings"]
        self.assertEqual((found["kind"], found["tensor"], found["wrong"]), ("unused", "dead", False))
        (found,) = self.audit(net.file(outputs=(net.DENSE,), signatures=()))["findings"]
        self.assertEqual((found["where"], found["wrong"]), ("SOFTMAX 4", False))

    def test_a_signature_that_leads_out_of_the_graph_is_refused(self):
        with self.assertRaisesRegex(StageError, "damaged: tensor 99 of 11"):
            self.audit(net.file(signatures=[Signature({"image": 99}, {"scores": net.SCORES})]))


class Alone(Case):
    def test_every_integer_operator_of_a_right_file_is_checked_and_within_its_steps(self):
        found = self.audit(net.file())["computed"]
        kinds = ("CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "RESHAPE", "SOFTMAX")
        self.assertEqual(found["checked"], dict.fromkeys(kinds, 1))
        self.assertEqual((found["unchecked"], found["floats"]), ({}, {}))
        self.assertEqual([each for each in found["off"] if each["steps"] > each["allowed"]], [])

    def test_a_dilated_convolution_is_held_to_its_dilation(self):
        found = self.audit(net.operator(0, {"StrideW": 1, "StrideH": 1, "DilationWFactor": 2, "DilationHFactor": 2}))
        self.assertIn("8x8", " ".join(each["what"] for each in found["findings"]))
        found = self.audit(net.operator(0, {"DilationWFactor": 2, "DilationHFactor": 2}))
        self.assertEqual(found["findings"], [])
        self.assertEqual([each for each in found["computed"]["off"] if each["steps"] > each["allowed"]], [])

    def test_samples_are_those_of_the_file(self):
        arrays.write(self.folder / "samples.npz", {"image": np.zeros((1, 8, 8, 4), np.int8)})
        self.assertTrue(self.audit(net.file(), samples="samples.npz")["computed"]["checked"])
        arrays.write(self.folder / "samples.npz", {"other": np.zeros((1, 8, 8, 4), np.int8)})
        with self.assertRaisesRegex(StageError, "image"):
            self.audit(net.file(), samples="samples.npz")

    def test_an_operator_that_is_off_is_named_with_its_steps(self):
        x = np.array([-100, 0, 50, 127], np.int8)
        scaled = Tensor("x", (4,), "int8", scales=[0.1], zero_points=[0]), Tensor("y", (4,), "int8", None, [0.2], [0])
        graph = Graph(scaled, [Operator("MAXIMUM", (0, 0), (1,), "MaximumMinimumOptions", {}, 2)], (0,), (1,))

        found = alone.Computed([], [], [], [])
        model = parts.read(self.write(File([graph])))
        alone.check(model.graphs[0], 0, [x, x].__getitem__, found)
        (off,) = found.off
        self.assertEqual(off, ("MAXIMUM 0", "y", "int8", 63, 0, 0.75))

    def test_no_integer_stands_for_floats_beyond_32_bits(self):
        x = np.array([np.inf, -np.inf, np.nan, 1e15, 2.0], np.float32)
        tensors = Tensor("x", (5,)), Tensor("y", (5,), "int8", None, [0.1], [0])
        graph = Graph(tensors, [Operator("QUANTIZE", (0,), (1,))], (0,), (1,))
        found = alone.Computed([], [], [], [])
        made = np.array([-128, -128, 0, -128, 20], np.int8)
        alone.check(parts.read(self.write(File([graph]))).graphs[0], 0, [x, made].__getitem__, found)
        self.assertEqual((found.checked, found.off), ([0], []))

    def test_what_a_runtime_refuses_is_told_and_not_wrong(self):
        graph = net.file().graphs[0]
        custom = graph._replace(operators=[*graph.operators[:4], Operator("Mine", (net.DENSE,), (net.SCORES,))])
        found = self.audit(File([custom], [net.SIGNATURE]))
        self.assertIsNone(found["computed"])
        self.assertIn("Mine", found["not_run"])

    def test_a_bias_of_another_scale_is_off_by_steps(self):
        found = self.audit(net.tensor(net.ROWS, scales=[0.002]))["computed"]
        (off,) = [each for each in found["off"] if each["steps"] > each["allowed"]]
        self.assertEqual((off["where"], off["tensor"]), ("FULLY_CONNECTED 3", "dense"))

    def test_a_bias_of_zeros_has_any_scale(self):
        """Quantizers let operators share one."""
        zeros = np.zeros(len(SCALES), np.int32)
        found = self.audit(net.tensor(net.BIAS, data=zeros, scales=[2 * scale for scale in SCALES]))
        self.assertEqual(found["findings"], [])
        zeros[3] = 1
        (found,) = self.audit(net.tensor(net.BIAS, data=zeros, scales=[2 * scale for scale in SCALES]))["findings"]
        self.assertIn("1 of 8 scales are not input x weights", found["what"])

    def test_a_file_that_a_runtime_may_end_for_is_not_run(self):
        found = self.audit(net.tensor(net.X, scales=[NAN]))
        self.assertIsNone(found["computed"])
        self.assertIn("comes first", found["not_run"])

    def test_operators_are_counted_with_version_and_type(self):
        found = self.audit(net.file())["operators"]
        self.assertIn({"kind": "CONV_2D", "version": 3, "type": "int8", "options": "", "count": 1}, found)
        self.assertIn({"kind": "FULLY_CONNECTED", "version": 4, "type": "int8", "options": "bias", "count": 1}, found)

    def test_a_resize_whose_places_drift_is_told_from_others(self):
        def options(wide, **given):
            tensors = [
                Tensor("x", (1, 1, 100, 1), "int8", scales=[0.1], zero_points=[0]),
                Tensor("size", (2,), "int32", np.array([1, wide], np.int32)),
                Tensor("y", (1, 1, wide, 1), "int8", scales=[0.1], zero_points=[0]),
            ]
            operator = Operator("RESIZE_BILINEAR", (0, 1), (2,), "ResizeBilinearOptions", given, 3)
            (found,) = self.audit(File([Graph(tensors, [operator], (0,), (2,))]))["operators"]
            return found["options"]

        self.assertEqual(options(200), "")
        self.assertEqual(options(300), "drifting")
        self.assertEqual(options(300, HalfPixelCenters=True), "drifting half_pixel_centers")
        self.assertEqual((options(199, AlignCorners=True), options(200, AlignCorners=True)), ("", "drifting"))


if __name__ == "__main__":
    unittest.main()
