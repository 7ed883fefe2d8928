"""Models and weights from files."""

import argparse
import json
import struct
import sys
import types
from collections import OrderedDict
from typing import List
from unittest import mock

import numpy as np
import torch
from stage import StageCase
from torch import nn
from torch.nn import functional


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x):
        y = self.linear(x)
        return x, {"a": y, "b": y * 2, "c": y}


class Difference(nn.Module):
    def forward(self, a, b):
        return a - b


class Scripted(nn.Module):
    """What torch's exporter refuses in TorchScript's graph: BatchNorm, branches, loops, lists and dicts."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)) for _ in range(2)])
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        found = {"input": x}
        for layer in self.layers:
            x = functional.relu(layer(x))
        for turn in range(x.size(3)):
            if turn % 2 == 0:
                x = x + turn
        parts = [x.mean(dim=[2, 3])]
        parts.append(self.head(parts[0]))
        found["last"] = parts[-1] * len(parts)
        return parts, found, torch.flatten(x, 1)


class Square(nn.Module):
    def forward(self, x):
        return torch.mm(x, x)


class ToList(nn.Module):
    def forward(self, x):
        values: List[float] = x[0].tolist()  # noqa: FA100 - TorchScript evaluates it
        return x * values[0]


class Gamma(nn.Module):
    def forward(self, x):
        return functional.relu(torch.lgamma(x))


def tiny():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU())


class Checkpoints(StageCase):
    def of(self, value):
        return {"source": self.save(value, "model.pt")}

    def test_pickled_module(self):
        result = self.export(files=self.of(tiny()))
        self.assertEqual([1, 4], result["outputs"][0]["shape"])
        self.export(files=self.of(nn.DataParallel(tiny())))

    def test_torchscript(self):
        model = tiny().eval()
        for saved in (torch.jit.trace(model, torch.ones(1, 3)), torch.jit.script(model)):
            result = self.export(files=self.of(saved))
            self.assertEqual(["output"], self.names(result))

    def test_structured_outputs_of_torchscript(self):
        result = self.export(files=self.of(torch.jit.script(Nested())))
        self.assertEqual(["output_0", "a", "b", "c"], self.names(result))
        self.assertEqual([1, 4], result["outputs"][2]["shape"])
        for name in self.names(result):
            self.assertIn(name.encode(), result["model"])

    def test_scripted_control_flow_is_what_the_samples_go_through(self):
        result = self.export(files=self.of(torch.jit.script(Scripted())), shape=(1, 3, 4, 4))
        self.assertEqual(["output_0", "output_1", "input", "last", "output_4"], self.names(result))
        self.assertEqual([1, 2], result["outputs"][3]["shape"])
        self.assertNotIn(b"\x22\x02If", result["model"])
        self.assertIn(b"head.weight", result["model"])

    def test_torchscript_that_can_not_be_traced(self):
        self.refused("model", "prim::tolist", files=self.of(torch.jit.script(ToList())), hint="torch.jit.trace")

    def test_torchscript_by_the_names_of_its_parameters(self):
        spec = {name: {"name": name, "shape": [1, size], "dtype": "float32"} for name, size in (("a", 3), ("b", 1))}
        files = self.of(torch.jit.script(Difference()))
        self.refused("usage", "the file takes a before b", files=files, inputs=[spec["b"]], hint="--input a=SHAPE")
        result = self.export(files=files, inputs=[spec["b"], spec["a"]])
        self.assertEqual(["a", "b"], [each["name"] for each in result["inputs"]])
        np.testing.assert_array_equal(result["samples"]["a"] - result["samples"]["b"], result["arrays"]["output"])
        strange = dict(spec["a"], name="z")
        self.assertEqual("z", self.export(files=files, inputs=[strange, spec["b"]])["inputs"][0]["name"])

    def test_torchscript_on_the_wrong_samples(self):
        scripted = torch.jit.script(Square())
        files = self.of(scripted)
        self.refused("usage", "x: [1, 3, 2] of float32", "self must be a matrix", files=files, shape=(1, 3, 2))
        two = [{"name": name, "shape": [1, 3], "dtype": "float32"} for name in "xy"]
        self.refused("usage", "expected at most 2 argument(s)", files=files, inputs=two)

    def test_torchscript_with_a_missing_operator(self):
        self.refused("model", "lgamma", files=self.of(torch.jit.script(Gamma())), hint="operators that ONNX has")

    def test_files_that_hold_no_model(self):
        by_code = "path/to/file.py:callable"
        self.refused("usage", "a state_dict (2 tensors), no model", files=self.of(tiny().state_dict()), hint=by_code)
        training = {"epoch": 3, "state_dict": tiny().state_dict()}
        self.refused("usage", "a dict of epoch, state_dict", files=self.of(training), hint=by_code)
        self.refused("usage", "type list", files=self.of([1]), hint=by_code)

    def test_files_that_can_not_be_read(self):
        path = self.folder / "model.pt"
        for content in (b"", b"no checkpoint at all", b"PK\x03\x04 damaged"):
            path.write_bytes(content)
            self.refused("usage", "can't read the file", files={"source": path})

    def test_pickle_of_a_class_that_is_not_there(self):
        path = self.folder / "model.pt"
        torch.save(Square(), str(path), _use_new_zipfile_serialization=False)
        path.write_bytes(path.read_bytes().replace(Square.__module__.encode(), b"q" * len(Square.__module__)))
        self.refused("usage", "No module named", files={"source": path}, hint="--weights")

    def test_class_of_the_users_is_not_looked_up_in_our_modules(self):
        for name in ("layers", "torch_export", "torch_export.layers", "stagekit.samples"):
            with self.subTest(name):
                package = name.partition(".")[0]
                says = f"code that is not there: No module named {package!r}"
                self.refused("usage", says, files={"source": self.of_class_in(name)}, hint="--weights")

    def of_class_in(self, name):
        """A pickle of a Module whose class lies in a module of this name, which is gone."""
        module = types.ModuleType(name)
        block = type("Block", (nn.Module,), {"__module__": name})
        module.Block = block
        with mock.patch.dict(sys.modules, {name: module}):
            return self.save(block(), "model.pt")


class Weights(StageCase):
    def setUp(self):
        super().setUp()
        self.write("from torch import nn\ndef build():\n    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))")

    def given(self, value):
        return {"weights": self.save(value, "weights.pt")}

    def model(self):
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))

    def test_weights_are_used(self):
        model = self.model()
        nn.init.zeros_(model[0].weight)
        nn.init.constant_(model[0].bias, 2)
        result = self.export("build", files=self.given(model.state_dict()))
        self.assertTrue(abs(result["arrays"]["output"] - 2).max() < 1e-4)

    def test_weights_of_a_scripted_model(self):
        files = dict(self.given(tiny().state_dict()), source=self.save(torch.jit.script(tiny()), "model.pt"))
        self.export(files=files)

    def test_keys_that_do_not_fit(self):
        state = self.model().state_dict()
        state["2.weight"] = state.pop("0.bias")
        state["0.weight"] = torch.ones(4, 5)
        self.refused(
            "usage",
            "1 missing: 0.bias",
            "1 unexpected: 2.weight",
            "1 of another shape: 0.weight [4, 5] instead of [4, 3]",
            callable_="build",
            files=self.given(state),
        )

    def test_many_keys_are_counted(self):
        given = self.given({"other": torch.ones(1)})
        self.refused("usage", "6 missing: 0.weight,", ", ...; 1 unexpected", callable_="build", files=given)

    def loaded(self, value, key=""):
        """The notes on weights that make every output 2."""
        result = self.export("build", files=self.given(value), weights_key=key)
        self.assertTrue(abs(result["arrays"]["output"] - 2).max() < 1e-4)
        return result["notes"]

    def twos(self, **dtype):
        model = self.model()
        nn.init.zeros_(model[0].weight)
        nn.init.constant_(model[0].bias, 2)
        return model.to(**dtype).state_dict()

    def test_the_state_dict_of_a_checkpoint(self):
        optimizer = {"state": {0: {"step": torch.ones(1), "exp_avg": torch.ones(4, 3)}}, "param_groups": [{"lr": 0.1}]}
        for key in ("state_dict", "model_state", "model"):
            others = {"epoch": 3, "optimizer": optimizer, "hyper_parameters": argparse.Namespace(width=4)}
            notes = self.loaded(dict(others, **{key: self.twos()}))
            self.assertEqual([f"--weights: loaded the state_dict {key!r} of the file"], notes)
        self.assertEqual([], self.loaded({"ema": {"model": self.twos()}}, "ema.model"))
        self.assertEqual([], self.loaded(self.twos()))

    def test_several_state_dicts_that_fit(self):
        given = {"state_dict": self.model().state_dict(), "ema": {"model": self.twos(), "decay": 0.9}}
        hint = "choose one: --weights FILE#state_dict, --weights FILE#ema.model"
        self.refused("usage", "2 state_dicts that fit", callable_="build", files=self.given(given), hint=hint)
        self.assertEqual([], self.loaded(given, "ema.model"))
        self.assertIn("'ema.model'", self.loaded(given, "ema")[0])
        given["again"] = given["ema"]
        self.assertEqual([], self.loaded(given, "ema.model"))

    def test_a_key_that_is_not_there(self):
        says = "the file of the weights has no other"
        hint = "it has --weights FILE#model"
        given = {"files": self.given({"model": self.twos()}), "weights_key": "other"}
        self.refused("usage", says, callable_="build", hint=hint, **given)
        self.refused(
            "usage", "has no model.0.weight.1", callable_="build", **dict(given, weights_key="model.0.weight.1")
        )

    def test_prefixes(self):
        def renamed(prefix):
            state = self.twos()
            found = OrderedDict((prefix + name, value) for name, value in state.items())
            found._metadata = OrderedDict(((prefix + name).rstrip("."), each) for name, each in state._metadata.items())
            return found

        self.assertEqual(
            ["--weights: loaded without the prefix 'module.' of its keys"], self.loaded(renamed("module."))
        )
        notes = self.loaded({"state_dict": renamed("model.net.")})
        said = "--weights: loaded the state_dict 'state_dict' of the file, without the prefix 'model.net.' of its keys"
        self.assertEqual([said], notes)
        self.write(
            """
            from torch import nn
            class Wrapped(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
                def forward(self, x):
                    return self.net(x)
            def build():
                return Wrapped()
            """
        )
        self.assertEqual(["--weights: loaded with the prefix 'net.' before its keys"], self.loaded(self.twos()))
        said = "--weights: loaded without the prefix 'module.' of its keys, with the prefix 'net.' before its keys"
        self.assertEqual([said], self.loaded(renamed("module.")))

    def test_a_part_that_fits_is_named(self):
        state = OrderedDict(("net." + name, value) for name, value in self.twos().items())
        state["loss.weight"] = torch.ones(3)
        for given, key in ((state, "net"), ({"state_dict": state}, "state_dict.net")):
            hint = f"a part of them fits: --weights FILE#{key}"
            self.refused("usage", "don't fit", callable_="build", files=self.given(given), hint=hint)
        self.assertEqual([], self.loaded(given, key))
        self.assertEqual([], self.loaded(state, "net"))

    def test_weights_of_another_model_are_told_from_those_of_another_size(self):
        def advised(state, hint):
            self.refused("usage", "the weights don't fit", callable_="build", files=self.given(state), hint=hint)

        advised({"other.weight": torch.ones(3)}, "no name of theirs is one of the model's")
        advised(
            {name: torch.ones(9, 9) for name in self.twos()}, "build the model with the sizes that it was trained with"
        )
        most = OrderedDict(list(self.twos().items())[1:])
        advised(most, "{0} of their {0} names are the model's, which has {1}".format(len(most), len(most) + 1))

    def test_batch_norm_of_old_files_has_no_count(self):
        state = OrderedDict((f"module.{name}", each) for name, each in self.twos().items() if "num_batches" not in name)
        self.assertEqual(["--weights: loaded without the prefix 'module.' of its keys"], self.loaded(state))

    def test_numbers_are_cast(self):
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            self.assertEqual([], self.loaded(self.twos(dtype=dtype)))

    def test_what_is_no_state_dict(self):
        whole = self.given(tiny())
        named = "the weights are torch.nn.modules.container.Sequential, no state_dict"
        self.refused("usage", named, callable_="build", files=whole, hint="state_dict")
        scripted = {"weights": self.save(torch.jit.script(tiny()), "scripted.pt")}
        self.refused("usage", "more than tensors: TorchScript", callable_="build", files=scripted)
        self.refused("usage", "type list", callable_="build", files=self.given([1]))
        self.refused("usage", "a dict of epoch", callable_="build", files=self.given({"epoch": 3}))
        mixed = dict(self.twos(), epoch=3, array=np.ones(1))
        foreign = "else than tensors: epoch (a value of type int), array (numpy"
        self.refused("usage", foreign, callable_="build", files=self.given(mixed))
        path = self.folder / "damaged.pt"
        path.write_bytes(b"damaged")
        self.refused("usage", "can't be read", callable_="build", files={"weights": path})

    def test_safetensors(self):
        path = self.folder / "w.safetensors"
        path.write_bytes(safetensors_file_of({"module." + name: each for name, each in self.twos().items()}))
        result = self.export("build", files={"weights": path})
        self.assertTrue(abs(result["arrays"]["output"] - 2).max() < 1e-4)
        self.assertEqual(["--weights: loaded without the prefix 'module.' of its keys"], result["notes"])

    def test_damaged_safetensors(self):
        path = self.folder / "w.safetensors"
        path.write_bytes(safetensors_file_of(self.twos())[:-1])
        self.refused("usage", "the file has", callable_="build", files={"weights": path}, hint="safetensors")


def safetensors_file_of(state):
    header, content = {}, b""
    for name, tensor in state.items():
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        added = tensor.numpy().tobytes()
        place = [len(content), len(content) + len(added)]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": place}
        content += added
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + content
