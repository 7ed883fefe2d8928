"""What is listed of a file's operators."""

import json
import unittest

from test_cost import FORMS, made

from tflite_convert import cost, file_tables, operator_list


class OperatorList(unittest.TestCase):
    def test_a_convolution_has_its_tensors_and_its_multiplications(self):
        shape, compute, macs, _ = FORMS["convolution"]
        (found,) = operator_list.of(file_tables.File(made(shape, compute)))["operators"]
        self.assertEqual(("CONV_2D", macs), (found["kind"], found["macs"]))
        self.assertEqual([[1, 8, 8, 3], [5, 3, 3, 3], [5]], [each["shape"] for each in found["inputs"]])
        self.assertEqual([None, True, True], [each.get("constant") for each in found["inputs"]])
        self.assertEqual([("float32", [1, 4, 4, 5])], [(each["type"], each["shape"]) for each in found["outputs"]])
        self.assertNotIn("scale", found["outputs"][0])

    def test_integers_have_their_scales_and_what_was_seen(self):
        shape, compute, *_ = FORMS["convolution"]
        file = file_tables.File(made(shape, compute, optimize=True))
        (found,) = (each for each in operator_list.of(file)["operators"] if each["kind"] == "CONV_2D")
        _, weights, bias = found["inputs"]
        self.assertEqual(("int8", 5, 0), (weights["type"], weights["channels"], weights["zero_point"]))
        self.assertEqual(("int32", 5), (bias["type"], bias["channels"]))
        (output,) = found["outputs"]
        least, most = output["seen"]
        self.assertEqual(("int8", 1, True), (output["type"], output["channels"], least <= 0 < most))
        # A range of integers has 255 steps, or 256 with the one below.
        self.assertAlmostEqual(1, (most - least) / (255 * output["scale"]), delta=0.02)

    def test_all_forms_are_json_and_add_up(self):
        for name, (shape, compute, macs, _) in FORMS.items():
            with self.subTest(name):
                file = file_tables.File(made(shape, compute))
                listed = json.loads(json.dumps(operator_list.of(file), allow_nan=False))["operators"]
                self.assertEqual(macs, sum(each["macs"] for each in listed))
                self.assertEqual(macs, cost.of(file)["macs"])
