"""Whatever structure a model returns becomes named outputs, in its own order."""

from stage import StageCase


class Structures(StageCase):
    def outputs_of(self, returned, **request):
        self.write_model(returned)
        result = self.export(**request)
        self.assertEqual(self.names(result), list(result["arrays"]))
        for name in self.names(result):
            self.assertIn(name.encode(), result["model"])
        return result

    def test_single_tensor(self):
        for returned in ("return x * 2", "return [x * 2]", "return (x * 2, None)"):
            self.assertEqual(["output"], self.names(self.outputs_of(returned)))

    def test_tuples(self):
        result = self.outputs_of("return x * 2, [(x * 3,), x * 4]")
        self.assertEqual(["output_0", "output_1", "output_2"], self.names(result))
        for factor, array in zip((2, 3, 4), result["arrays"].values()):
            self.assertTrue((array == result["samples"]["x"] * factor).all())

    def test_dicts_in_their_own_order(self):
        result = self.outputs_of("return {'z': x * 2, 'a': {'n': (x * 3, None, x * 4)}, 'none': None}")
        self.assertEqual(["z", "a.n.0", "a.n.2"], self.names(result))
        self.assertTrue((result["arrays"]["a.n.2"] == result["samples"]["x"] * 4).all())

    def test_one_key_is_a_name(self):
        self.assertEqual(["logits"], self.names(self.outputs_of("return {'logits': x * 2}")))

    def test_keys_that_are_no_names(self):
        self.assertEqual(["output_0", "pool"], self.names(self.outputs_of("return {'0': x * 2, 'pool': x * 3}")))
        self.assertEqual(["output_0", "output_1"], self.names(self.outputs_of("return {4: x * 2, 5: x * 3}")))
        # The same key twice, and a key that is an input's name.
        self.assertEqual(["output_0", "output_1"], self.names(self.outputs_of("return {'a': x * 2}, {'a': x * 3}")))
        self.assertEqual(["output_0", "output_1"], self.names(self.outputs_of("return {'x': x * 2, 'y': x * 3}")))

    def test_named_tuple_dataclass_and_model_output(self):
        self.write(
            """
            import collections
            import dataclasses
            from torch import nn

            Pair = collections.namedtuple("Pair", "mean scale")

            @dataclasses.dataclass
            class Fields:
                mean: object
                scale: object = None

            @dataclasses.dataclass
            class ModelOutput(collections.OrderedDict):
                mean: object
                unset: object = None

                def __post_init__(self):
                    self["mean"] = self.mean

            class Net(nn.Module):
                def __init__(self, make):
                    super().__init__()
                    self.make = make
                def forward(self, x):
                    return self.make(x)

            def pair(): return Net(lambda x: Pair(x * 2, x * 3))
            def fields(): return Net(lambda x: Fields(x * 2))
            def model_output(): return Net(lambda x: ModelOutput(x * 2))
            """
        )
        self.assertEqual(["mean", "scale"], self.names(self.export("pair")))
        self.assertEqual(["mean"], self.names(self.export("fields")))
        self.assertEqual(["mean"], self.names(self.export("model_output")))

    def test_values_that_are_one_in_the_graph(self):
        result = self.outputs_of(
            "y = x * 2\nreturn {'again': x, 'copy': x.clone(), 'y': y, 'y2': y, 'cast': y.float(), 'w': self.w}",
        )
        self.assertEqual(["again", "copy", "y", "y2", "cast", "w"], self.names(result))
        # Without an Identity the exporter would rename the input, and leave names out.
        self.assertEqual(5, result["model"].count(b"\x22\x08Identity"))

    def write_model(self, forward, init="self.register_buffer('w', torch.ones(2))"):
        super().write_model(forward, init)

    def test_what_is_no_tensor(self):
        self.write_model("return {'boxes': x, 'sizes': [x, 3]}")
        self.refused("model", "a value of type int at output['sizes'][1]", hint="tensors")
        self.write_model("return x, 'label'")
        self.refused("model", "type str at output[1]")
        self.write_model("return None")
        self.refused("model", "no tensor")
        self.write_model("return x.to_sparse()")
        self.refused("model", "torch.sparse_coo at output")
        self.write_model("return x.bfloat16()")
        self.refused("model", "torch.bfloat16")

    def test_other_structure_when_traced(self):
        self.write_model("return (x * 2, x * 3) if torch.onnx.is_in_onnx_export() else x * 2")
        self.refused("model", "2 outputs when it is traced, 1 when it is run")


class GivenNames(StageCase):
    def test_as_many_as_there_are(self):
        self.write_model("return {'a': x * 2, 'b': (x * 3).sum()}")
        result = self.export(output_names=["scores", "total"])
        self.assertEqual(["scores", "total"], self.names(result))
        self.assertEqual([[1, 3], []], [spec["shape"] for spec in result["outputs"]])

    def test_another_number(self):
        self.write_model("return {'a': x * 2, 'b': (x * 3).sum()}")
        for given in (["one"], ["one", "two", "three"]):
            says = f"{len(given)} output names for 2 outputs: [1, 3] of float32, [] of float32"
            self.refused("usage", says, output_names=given, hint="--output-name 2 times")

    def test_names_that_tell_nothing_apart(self):
        self.write_model("return x * 2, x * 3")
        for given in (["a", "a"], ["x", "b"], ["0", "b"]):
            self.refused("usage", "different names", output_names=given, hint="--output-name")
