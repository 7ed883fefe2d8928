import tempfile
import unittest
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

from stagekit import Request, StageError, arrays
from tflite_convert import conversion, convert, converter_refusals, file_tables, ops, signature

ROLES = {
    "convert": ("saved_model", ("model",)),
    "adopt": ("saved_model", ("samples", "outputs")),
    "run": ("model", ("outputs",)),
    "infer": ("model", ("outputs",)),
    "time": ("model", ()),
    "inspect": ("model", ("text",)),
}


def spec(name, *shape, **others):
    return dict({"name": name, "shape": list(shape), "dtype": "float32"}, **others)


def save_frozen(folder, build, tag="serve", signature="serving_default"):
    """A SavedModel of one graph, with signature keys in capitals; build returns its inputs and outputs by key."""
    with tf.Graph().as_default() as graph:
        inputs, outputs = build()
    message = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta_graph = message.meta_graphs.add()
    meta_graph.meta_info_def.tags.append(tag)
    meta_graph.graph_def.CopyFrom(graph.as_graph_def())
    signed = meta_graph.signature_def[signature]
    for infos, tensors in ((signed.inputs, inputs), (signed.outputs, outputs)):
        for key, tensor in tensors.items():
            infos[key].name = tensor.name
            infos[key].dtype = tensor.dtype.as_datatype_enum
            infos[key].tensor_shape.CopyFrom(tensor.shape.as_proto())
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(message.SerializeToString(deterministic=True))


def affine():
    z = tf.compat.v1.placeholder(tf.float32, [None, 2], name="z")
    a = tf.compat.v1.placeholder(tf.float32, [None, 3], name="a")
    product = tf.matmul(a, tf.constant([[1.0, 2], [3, 4], [5, 6]]))
    return {"Z": z, "A": a}, {"SUM": tf.add(product, z, name="sum"), "MAX": tf.maximum(product, 30.0, name="max")}


class Functions(tf.Module):
    """A variable, two inputs, and outputs that are each other, constants and an input."""

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable([[1.0, 2], [3, 4], [5, 6]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "z"), tf.TensorSpec([None, 3], tf.float32, "a")])
    def __call__(self, z, a):
        product = tf.matmul(a, self.weight)
        return {
            "sum": product + z,
            "again": product + z,
            "relu": tf.nn.relu(product - 5),
            "passed": z,
            "one": tf.constant([1.0, 1]),
            "two": tf.constant([2.0, 2]),
            "uno": tf.constant([1.0, 1]),
        }


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, given, samples=None, **parameters):
        read, written = ROLES[operation]
        if operation == "convert":
            parameters = dict({"ops": "auto", "lowering": "nhwc"}, **parameters)
        inputs = {read: given}
        if samples is not None:
            arrays.write(self.folder / "given.npz", samples)
            inputs["samples"] = "given.npz"
        message = {"id": "1", "operation": operation, "parameters": parameters, "inputs": inputs}
        request = Request(dict(message, outputs={role: "made." + role for role in written}), self.folder, self.folder)
        return convert.OPERATIONS[operation](request)

    def refused(self, kind, words, *arguments, **options):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call(*arguments, **options)
        self.assertEqual(caught.exception.kind, kind)
        return caught.exception

    def made(self, role):
        return arrays.read(self.folder / ("made." + role))

    def there_and_back(self, saved_model, inputs):
        """Adopt, convert under names of the user's own in reverse order, infer: the outputs by both names."""
        adopted = self.call("adopt", saved_model, inputs=inputs, seed=0)
        samples, expected = self.made("samples"), self.made("outputs")
        renamed = {
            side: [dict(entry, name="my " + entry["name"]) for entry in reversed(adopted[side])]
            for side in ("inputs", "outputs")
        }
        converted = self.call("convert", saved_model, variant="float32", **renamed)
        for side in ("inputs", "outputs"):
            self.assertEqual([entry["name"] for entry in converted[side]], [entry["name"] for entry in renamed[side]])
            self.assertEqual([entry["shape"] for entry in converted[side]], [entry["shape"] for entry in renamed[side]])
        fed = {"my " + name: array for name, array in samples.items()}
        lists = {side: converted[side] for side in ("inputs", "outputs")}
        inferred = self.call("infer", "made.model", fed, threads=1, **lists)
        content = (self.folder / "made.model").read_bytes()
        self.assertEqual(inferred["ops"], ops.counted(file_tables.File(content)))
        got = self.made("outputs")
        self.assertEqual(list(got), [entry["name"] for entry in renamed["outputs"]])
        opened = tf.lite.Interpreter(model_content=content)
        sides = (opened.get_input_details(), opened.get_output_details())
        for side, details, signed in zip(("inputs", "outputs"), sides, signature.signed(content)):
            self.assertEqual([detail["name"] for detail in details], [entry["tensor"] for entry in converted[side]])
            names = [entry["name"] for entry in renamed[side]]
            self.assertEqual(signed, list(zip(names, [detail["index"] for detail in details])))
        self.call("infer", "made.model", fed, inputs=[], outputs=[], threads=1)
        for name, array in self.made("outputs").items():
            np.testing.assert_array_equal(array, got[name])
        for name, array in expected.items():
            np.testing.assert_allclose(got["my " + name], array, rtol=1e-5, err_msg=name)
        return converted


class Convert(Stage):
    def test_a_frozen_graph(self):
        save_frozen(self.folder / "frozen", affine)
        converted = self.there_and_back("frozen", [spec("Z", 2, 2), spec("A", 2, 3)])
        self.assertEqual([entry["tensor"] for entry in converted["inputs"]], ["a", "z"])
        self.assertEqual([entry["tensor"] for entry in converted["outputs"]], ["sum", "max"])

    def test_a_frozen_graph_gives_the_same_bytes_again(self):
        save_frozen(self.folder / "frozen", affine)
        lists = {
            "inputs": [spec("Z", 1, 2, key="Z"), spec("A", 1, 3, key="A")],
            "outputs": [spec("SUM", 1, 2, key="SUM")],
        }
        made = set()
        for _ in range(2):
            conversion.opened.cache_clear()
            self.call("convert", "frozen", variant="float32", **lists)
            made.add((self.folder / "made.model").read_bytes())
        self.assertEqual(len(made), 1)

    def test_a_model_without_inputs_is_refused(self):
        save_frozen(self.folder / "frozen", lambda: ({}, {"ONE": tf.constant([1.0], name="one")}))
        lists = {"inputs": [], "outputs": [spec("ONE", 1, key="ONE")]}
        self.refused("model", "input_tensors", "convert", "frozen", variant="float32", **lists)

    def test_functions_whose_outputs_become_one_tensor(self):
        model = Functions()
        tf.saved_model.save(model, str(self.folder / "functions"), signatures=model.__call__.get_concrete_function())
        self.there_and_back("functions", [spec("z", 3, 2), spec("a", 3, 3)])

    def test_functions_of_many_inputs_have_one_order_and_the_same_bytes_again(self):
        for variant in ("float32", "dynamic"):
            made = {self.animals(variant, "nhwc") for _ in range(4)}
            self.assertEqual(len(made), 1)
            details = tf.lite.Interpreter(str(self.folder / "made.model")).get_input_details()
            names = [detail["name"] for detail in details]
            self.assertEqual(names, [f"serving_default_{key}:0" for key in ("zebra", "ape", "cat", "dog")])

    def test_the_order_of_a_stock_file_is_that_of_chance_and_is_known(self):
        for _ in range(4):
            self.animals("dynamic", "stock")

    def animals(self, variant, lowering):
        """The bytes of a file of many inputs and outputs, whose values are right by the result's lists."""
        keys = ("zebra", "ape", "cat", "dog")

        class Animals(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([1, 2], tf.float32, key) for key in keys])
            def __call__(self, zebra, ape, cat, dog):
                return {"w": zebra - ape, "k": cat - dog, "a": zebra * dog}

        model, folder = Animals(), self.folder / "animals"
        if not folder.exists():
            tf.saved_model.save(model, str(folder), signatures=model.__call__.get_concrete_function())
        lists = {
            "inputs": [spec(key, 1, 2, key=key) for key in keys],
            "outputs": [spec(key, 1, 2, key=key) for key in "wka"],
        }
        conversion.opened.cache_clear()
        converted = self.call("convert", "animals", variant=variant, lowering=lowering, **lists)
        fed = {key: np.float32([[at, at * at]]) for at, key in enumerate(keys, 2)}
        lists = {side: converted[side] for side in ("inputs", "outputs")}
        self.call("infer", "made.model", fed, threads=1, **lists)
        found = [(name, array.tolist()) for name, array in self.made("outputs").items()]
        self.assertEqual(found, [("w", [[-1, -5]]), ("k", [[-1, -9]]), ("a", [[10, 100]])])
        return (self.folder / "made.model").read_bytes()

    def test_names_that_tensorflow_can_not_write(self):
        def build():
            x, u, y = [tf.compat.v1.placeholder(dtype, [1, 2]) for dtype in (tf.float32, tf.uint8, tf.float32)]
            return {"a/b": x, "a:b": u, "größe, 1": y}, {"a_b": tf.identity(u), "a/b": x - y, "a:b": y - x}

        save_frozen(self.folder / "frozen", build)
        fed = {"a/b": np.float32([[1, 2]]), "a:b": np.uint8([[200, 3]]), "größe, 1": np.float32([[5, 7]])}
        lists = {
            "inputs": [dict(entry, key=entry["name"]) for entry in arrays.describe(fed)],
            "outputs": [spec(key, 1, 2, key=key) for key in ("a_b", "a/b", "a:b")],
        }
        self.call("convert", "frozen", variant="float32", **lists)
        self.call("infer", "made.model", fed, inputs=[], outputs=[], threads=1)
        found = {name: array.tolist() for name, array in self.made("outputs").items()}
        self.assertEqual(found, {"a_b": [[200, 3]], "a/b": [[-4, -5]], "a:b": [[4, 5]]})

    def test_names_the_operators_that_are_refused(self):
        def build():
            x = tf.compat.v1.placeholder(tf.float32, [1, 2], name="x")
            return {"x": x}, {"e": tf.math.erf(x), "d": tf.math.digamma(x)}

        save_frozen(self.folder / "refused", build)
        lists = {"inputs": [spec("x", 1, 2, key="x")], "outputs": [spec(key, 1, 2, key=key) for key in "ed"]}
        error = self.refused("model", "Digamma, Erf", "convert", "refused", variant="float32", **lists)
        self.assertIn("replace", error.hint)

    def test_select_tf_operators_where_only_they_will_do(self):
        def build():
            x = tf.compat.v1.placeholder(tf.float32, [2, 3], name="x")
            return {"x": x}, {"y": tf.nn.relu(tf.cast(tf.cast(x, tf.float64) - 1, tf.float32), name="y")}

        save_frozen(self.folder / "double", build)
        lists = {"inputs": [spec("x", 2, 3, key="x")], "outputs": [spec("y", 2, 3, key="y")]}
        error = self.refused("model", "Cast, Sub", "convert", "double", variant="float32", ops="builtin", **lists)
        self.assertIn("--ops auto", error.hint)
        made = set()
        for choice in ("auto", "select-tf", "auto", "select-tf", "auto", "select-tf"):
            result = self.call("convert", "double", variant="float32", ops=choice, **lists)
            self.assertEqual(result["select_tf"], ["Cast", "Sub"])
            made.add((self.folder / "made.model").read_bytes())
        self.assertEqual(len(made), 1)
        samples = {"x": np.float32([[0, 1, 2], [3, -4, 5]])}
        options = {"inputs": [], "outputs": [], "threads": 1}
        inferred = self.call("infer", "made.model", samples, **options)
        self.assertEqual(inferred["ops"], {"FlexCast": 2, "FlexSub": 1, "RELU": 1})
        np.testing.assert_array_equal(self.made("outputs")["y"], np.maximum(samples["x"] - 1, 0))

    def test_tflites_own_operators_are_kept_where_they_will_do(self):
        save_frozen(self.folder / "frozen", affine)
        lists = {
            "inputs": [spec("Z", 1, 2, key="Z"), spec("A", 1, 3, key="A")],
            "outputs": [spec("SUM", 1, 2, key="SUM")],
        }
        made = set()
        for choice in ops.CHOICES:
            self.assertEqual(self.call("convert", "frozen", variant="float32", ops=choice, **lists)["select_tf"], [])
            made.add((self.folder / "made.model").read_bytes())
        self.assertEqual(len(made), 1)

    def test_select_tf_does_not_swallow_what_is_laid_out_wrongly(self):
        def build():
            x = tf.compat.v1.placeholder(tf.float32, [1, 3, 8, 8], name="x")
            return {"x": x}, {"y": tf.nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW", name="y")}

        save_frozen(self.folder / "nchw", build)
        lists = {"inputs": [spec("x", 1, 3, 8, 8, key="x")], "outputs": [spec("y", 1, 3, 4, 4, key="y")]}
        error = self.refused("model", "MaxPool", "convert", "nchw", variant="float32", **lists)
        self.assertIn("--lowering nhwc", error.hint)
        self.assertNotIn("--ops", error.hint)

    def test_an_unknown_choice_of_operators(self):
        save_frozen(self.folder / "frozen", affine)
        lists = {"inputs": [spec("A", 1, 3, key="A")], "outputs": [spec("MAX", 1, 2, key="MAX")]}
        self.refused("usage", "'flex'.*select-tf", "convert", "frozen", variant="float32", ops="flex", **lists)

    def test_a_batch_that_is_left_open(self):
        save_frozen(self.folder / "frozen", affine)
        lists = {
            "inputs": [spec("Z", None, 2, key="Z"), spec("A", None, 3, key="A")],
            "outputs": [spec("SUM", None, 2, key="SUM")],
        }
        converted = self.call("convert", "frozen", variant="float32", **lists)
        self.assertEqual([entry["shape"] for entry in converted["inputs"]], [[None, 2], [None, 3]])
        details = tf.lite.Interpreter(str(self.folder / "made.model")).get_input_details()
        self.assertEqual([list(detail["shape_signature"]) for detail in details], [[-1, 2], [-1, 3]])
        options = {side: converted[side] for side in ("inputs", "outputs")}
        for rows in (1, 4):
            fed = {"Z": np.zeros((rows, 2), np.float32), "A": np.ones((rows, 3), np.float32)}
            self.call("infer", "made.model", fed, threads=1, **options)
            np.testing.assert_array_equal(self.made("outputs")["SUM"], [[9, 12]] * rows)

    def test_an_unknown_variant(self):
        self.refused("usage", "'float8'.*float32", "convert", "none", variant="float8", inputs=[], outputs=[])


class Refusals(unittest.TestCase):
    def test_a_transpose_folded_wrongly(self):
        graph = graph_pb2.GraphDef()
        graph.library.function.add().node_def.add(name="Pad_1", op="Pad")
        text = (
            'error: loc(callsite(callsite("Pad_1@__inference_f_557" at "PartitionedCall@__inference_g_648") '
            'at "PartitionedCall")): operand #0 does not dominate this use\n<unknown>:0: note: called from'
        )
        error = converter_refusals.refusal(ValueError(text), graph)
        self.assertEqual(
            error.message, "the TFLite converter fails at Pad (Pad_1): operand #0 does not dominate this use"
        )
        self.assertIn("--lowering nhwc", error.hint)

    def test_a_pooling_that_is_left_in_another_order(self):
        text = "error: 'tf.MaxPool' op is neither a custom op nor a flex op"
        error = converter_refusals.refusal(ValueError(text), graph_pb2.GraphDef())
        self.assertIn("MaxPool", error.message)
        self.assertIn("--lowering nhwc", error.hint)

    def test_an_operator_that_fails_to_legalize(self):
        text = "error: failed to legalize operation 'tf.Foo' that was explicitly marked illegal"
        self.assertIn("Foo", converter_refusals.refusal(ValueError(text), graph_pb2.GraphDef()).message)

    def test_anything_else(self):
        text = "<unknown>:0: error: Merge of two inputs that differ"
        self.assertIn("Merge of two inputs", converter_refusals.refusal(ValueError(text), graph_pb2.GraphDef()).message)
        text = "None is only\nhere"
        self.assertIn("None is only", converter_refusals.refusal(ValueError(text), graph_pb2.GraphDef()).message)


class Adopt(Stage):
    def test_sorted_names_without_a_list(self):
        def build():
            z, a = (tf.compat.v1.placeholder(tf.float32, [1, 2], name=name) for name in "za")
            return {"z": z, "a": a}, {"d": z - a, "c": z + a}

        save_frozen(self.folder / "frozen", build)
        result = self.call("adopt", "frozen", inputs=[], seed=0)
        self.assertEqual(result["inputs"], [spec("a", 1, 2, key="a"), spec("z", 1, 2, key="z")])
        self.assertEqual(result["outputs"], [spec("c", 1, 2, key="c"), spec("d", 1, 2, key="d")])
        samples, outputs = self.made("samples"), self.made("outputs")
        np.testing.assert_array_equal(outputs["d"], samples["z"] - samples["a"])

    def test_the_users_order_shapes_and_samples(self):
        save_frozen(self.folder / "frozen", affine)
        given = {"A": np.ones((4, 3), np.float32), "Z": np.ones((4, 2), np.float32)}
        result = self.call("adopt", "frozen", given, inputs=[spec("Z", 4, 2), spec("A", 4, 3)], seed=0)
        self.assertEqual([entry["name"] for entry in result["inputs"]], ["Z", "A"])
        np.testing.assert_array_equal(self.made("outputs")["SUM"], np.tile([[10, 13]], (4, 1)))

    def test_an_open_size_must_be_given(self):
        save_frozen(self.folder / "frozen", affine)
        self.refused("usage", r"'A' is \?x3", "adopt", "frozen", inputs=[], seed=0)

    def test_what_is_no_saved_model(self):
        (self.folder / "empty").mkdir()
        self.refused("usage", "no SavedModel", "adopt", "empty", inputs=[], seed=0)
        (self.folder / "empty" / "saved_model.pb").write_bytes(b"nonsense")
        self.refused("usage", "damaged", "adopt", "empty", inputs=[], seed=0)

    def test_other_signatures_and_tags(self):
        save_frozen(self.folder / "other", affine, signature="predict")
        self.refused("usage", "no signature serving_default, it has predict", "adopt", "other", inputs=[], seed=0)
        save_frozen(self.folder / "train", affine, tag="train")
        self.refused("usage", "'serve', it has train", "adopt", "train", inputs=[], seed=0)


class RunAndInspect(Stage):
    def test_run_a_frozen_graph_and_functions(self):
        save_frozen(self.folder / "frozen", affine)
        a, z = np.ones((1, 3), np.float32), np.ones((1, 2), np.float32)
        self.assertEqual(
            self.call("run", "frozen", {"A": a, "Z": z})["outputs"], [spec("MAX", 1, 2), spec("SUM", 1, 2)]
        )
        np.testing.assert_array_equal(self.made("outputs")["SUM"], [[10, 13]])
        model = Functions()
        tf.saved_model.save(model, str(self.folder / "functions"), signatures=model.__call__.get_concrete_function())
        self.call("run", "functions", {"a": a, "z": z})
        np.testing.assert_array_equal(self.made("outputs")["sum"], [[10, 13]])

    def test_functions_are_run_as_they_are(self):
        # Grappler would look for the largest before the floor.
        @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32, "x")])
        def largest(x):
            return {"at": tf.argmax(tf.floor(x), axis=1)}

        module = tf.Module()
        module.largest = largest
        tf.saved_model.save(module, str(self.folder / "functions"), signatures=largest.get_concrete_function())
        self.call("run", "functions", {"x": np.float32([[-2, -1], [0.3, 0.6]])})
        np.testing.assert_array_equal(self.made("outputs")["at"], [1, 0])

    def test_samples_that_do_not_fit(self):
        save_frozen(self.folder / "frozen", affine)
        self.refused("usage", "named A, the inputs A, Z", "run", "frozen", {"A": np.ones((1, 3), np.float32)})

    def test_what_tensorflow_can_not_run(self):
        def build():
            x = tf.compat.v1.placeholder(tf.float32, [1, 1, 4, 4], name="x")
            return {"x": x}, {"y": tf.nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW")}

        save_frozen(self.folder / "nchw", build)
        self.refused("model", "can't run.*NHWC", "run", "nchw", {"x": np.ones((1, 1, 4, 4), np.float32)})

    def test_inspect(self):
        save_frozen(self.folder / "frozen", affine)
        self.assertEqual(self.call("inspect", "frozen"), {})
        words = (self.folder / "made.text").read_text()
        for expected in ("signature serving_default", "input A: ?x3 of float32", "output SUM: ?x2", "MatMul 1"):
            self.assertIn(expected, words)


class Infer(Stage):
    def test_times_and_checks_samples(self):
        save_frozen(self.folder / "frozen", affine)
        lists = {
            "inputs": [spec("Z", 1, 2, key="Z"), spec("A", 1, 3, key="A")],
            "outputs": [spec("SUM", 1, 2, key="SUM")],
        }
        self.call("convert", "frozen", variant="float32", **lists)
        options = {"inputs": [], "outputs": [], "threads": 1}
        fed = {"Z": np.ones((1, 2), np.float32), "A": np.ones((1, 3), np.float32)}
        result = self.call("infer", "made.model", fed, **options)
        self.assertEqual(result["outputs"], [spec("SUM", 1, 2)])
        latency = self.call("time", "made.model", fed, least=3, most=3, seconds=0, **options)["latency_ms"]
        self.assertEqual((latency["runs"], latency["threads"]), (3, 1))
        self.refused("usage", "named Z", "infer", "made.model", {"Z": fed["Z"]}, **options)

    def test_an_invocation_that_gives_other_numbers_than_the_first_is_told(self):
        # TensorFlow 2.4.1 turns a constant batch of matrices once, into memory that other operators use.
        def build(turned):
            def built():
                x = tf.compat.v1.placeholder(tf.float32, [None, 16, 32], "x")
                made = tf.matmul(x, tf.constant(matrices.swapaxes(1, 2) if turned else matrices), adjoint_b=turned)
                return {"x": x}, {"y": made + 1.0}

            return built

        stream = np.random.RandomState(0)
        matrices, samples = (stream.randn(4, *shape).astype(np.float32) for shape in ((32, 48), (16, 32)))
        for turned, warnings in ((True, 0), (False, 1)):
            save_frozen(self.folder / str(turned), build(turned))
            lists = {"inputs": [spec("x", None, 16, 32, key="x")], "outputs": [spec("y", None, 16, 48, key="y")]}
            self.call("convert", str(turned), variant="float32", **lists)
            options = {"inputs": [], "threads": 1, "least": 2, "most": 2, "seconds": 0}
            self.assertEqual(len(self.call("time", "made.model", {"x": samples}, **options)["warnings"]), warnings)


if __name__ == "__main__":
    unittest.main()
