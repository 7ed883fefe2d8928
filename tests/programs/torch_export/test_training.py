"""Pruning, clustering and the user's training in between: what they leave, and what they refuse."""

import unittest

import torch
from stage import StageCase
from torch import nn

from torch_export import clustering, folding

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 4)
        self.norm.running_var.uniform_(0.5, 2)
        self.norm.running_mean.uniform_(-1, 1)

    def forward(self, x):
        return self.head(self.deep(self.norm(self.conv(x)).relu()).mean((2, 3)))
"""


class TrainingCase(StageCase):
    def setUp(self):
        super().setUp()
        self.write(NET)

    def trained(self, finetune=None, data=None, **training):
        asked = {"prune": None, "structured": False, "cluster": None, "finetune": None, "qat": None}
        files = {"source": self.source}
        if finetune is not None:
            (self.folder / "functions").mkdir()
            (self.folder / "functions" / "tuning.py").write_text("import torch\nfrom torch import nn\n" + finetune)
            asked["finetune"] = {"module": "tuning", "callable": "tune"}
            files["functions"] = self.folder / "functions"
        if data is not None:
            files["data"] = self.folder / "data.txt"
            files["data"].write_text(data)
        return {"training": dict(asked, **training), "files": files, "shape": (1, 3, 8, 8)}

    def steps(self, **training):
        return self.export(**self.trained(**training))["training"]


class Pruning(TrainingCase):
    def test_half_of_all_weights_are_zero_those_that_are_smallest(self):
        before, after = self.steps(prune=0.5)
        self.assertEqual(("none", "prune"), (before["technique"], after["technique"]))
        self.assertEqual(0, before["sparsity"])
        self.assertAlmostEqual(0.5, after["sparsity"], delta=0.001)
        # Their ranges differ, as do their shares.
        self.assertEqual(["conv.weight", "deep.weight", "head.weight"], [layer["name"] for layer in after["layers"]])
        self.assertEqual(3, len({round(layer["sparsity"], 2) for layer in after["layers"]}))
        self.assertLess(after["gzip_size"], 0.75 * before["gzip_size"])
        self.assertEqual(before["size"], after["size"])

    def test_channels(self):
        _, after = self.steps(prune=0.25, structured=True)
        self.assertEqual([0.25, 0.25, 0], [layer["sparsity"] for layer in after["layers"]])

    def test_channels_of_a_model_whose_only_layer_makes_its_outputs(self):
        self.write_model("return self.head(x)", "self.head = nn.Linear(3, 4)")
        request = dict(self.trained(prune=0.5, structured=True), shape=(1, 3))
        self.refused("model", "no layer of the model has channels to prune", hint="--prune-structured", **request)

    def test_masks_are_kept_through_the_training(self):
        tune = """
def tune(model, data):
    assert model.training and data.read_text() == "text"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.rand(4, 3, 8, 8)).pow(2).sum().backward()
        optimizer.step()
"""
        plain, trained = self.export(**self.trained(prune=0.5)), self.export(**self.trained(tune, "text", prune=0.5))
        for before, after in zip(plain["training"][1]["layers"], trained["training"][1]["layers"]):
            self.assertEqual(before["sparsity"], after["sparsity"])
        self.assertNotEqual(plain["arrays"]["output"].tolist(), trained["arrays"]["output"].tolist())

    def test_the_same_bytes_again(self):
        tune = "def tune(model):\n    model(torch.rand(4, 3, 8, 8)).sum().backward()\n    model.conv.bias.data += 0.1\n"
        request = self.trained(tune, prune=0.5, cluster=4)
        self.write(NET.replace("bias=False", "bias=True"))
        self.assertEqual(self.export(**request)["model"], self.export(**request)["model"])

    def test_recurrent_and_shared_weights(self):
        self.write_model(
            "return self.head(self.head(self.lstm(self.words(x.long()))[0]))",
            "self.words, self.lstm, self.head = nn.Embedding(5, 6), nn.LSTM(6, 6), nn.Linear(6, 6)\n"
            "self.tied = nn.Linear(6, 6)\nself.tied.weight = self.head.weight",
        )
        steps = self.export(**dict(self.trained(prune=0.5, cluster=4), shape=(1, 3)))["training"]
        names = ["words.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0"]
        self.assertEqual(names, [layer["name"] for layer in steps[2]["layers"]])
        self.assertAlmostEqual(0.5, steps[2]["sparsity"], delta=0.01)
        self.assertEqual([4, 4, 4], [layer["distinct"] for layer in steps[2]["layers"]])


class Clustering(TrainingCase):
    def test_each_layer_has_so_many_values(self):
        _, after = self.steps(cluster=4)
        self.assertEqual([4, 4, 4], [layer["distinct"] for layer in after["layers"]])

    def test_zeros_of_pruning_stay(self):
        _, pruned, after = self.steps(prune=0.5, cluster=4)
        self.assertEqual(pruned["sparsity"], after["sparsity"])
        self.assertEqual([4, 4, 4], [layer["distinct"] for layer in after["layers"]])

    def test_centroids_are_trained(self):
        tune = """
def tune(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = model.deep.weight_centroids.clone()
    model(torch.rand(4, 3, 8, 8)).pow(2).sum().backward()
    optimizer.step()
    assert (model.deep.weight_centroids != before).all()
    return model
"""
        plain, trained = self.export(**self.trained(cluster=4)), self.export(**self.trained(tune, cluster=4))
        self.assertEqual([4, 4, 4], [layer["distinct"] for layer in trained["training"][1]["layers"]])
        self.assertNotEqual(plain["arrays"]["output"].tolist(), trained["arrays"]["output"].tolist())

    def test_the_normalization_is_part_of_what_is_clustered(self):
        plain, clustered = self.export(shape=(1, 3, 8, 8)), self.export(**self.trained(cluster=256))
        difference = abs(plain["arrays"]["output"] - clustered["arrays"]["output"]).max()
        self.assertLess(difference, 0.01 * abs(plain["arrays"]["output"]).max())

    def test_nearest_of_the_best_values(self):
        values = torch.tensor([[0.0, 0.1, 0.2], [5.0, 5.2, 9.0]])
        found = clustering.centroids(values, 3)
        self.assertTrue(torch.allclose(torch.tensor([0.1, 5.1, 9.0]), found))
        self.assertEqual([[0, 0, 0], [1, 1, 2]], clustering.nearest(values, found).tolist())
        self.assertEqual([1.0, 2.0], clustering.centroids(torch.tensor([2.0, 1.0, 2.0]), 16).tolist())


class Folding(unittest.TestCase):
    def check(self, model, *shape, left=0):
        torch.manual_seed(0)
        for module in model.modules():
            if hasattr(module, "running_mean"):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight) if module.affine else None
        model.eval()
        x = torch.rand(shape)
        with torch.no_grad():
            before = model(x)
            folding.fold(model, [x])
            self.assertTrue(torch.allclose(before, model(x), atol=1e-5))
        self.assertEqual(left, sum(hasattr(module, "running_mean") for module in model.modules()))

    def test_layers(self):
        self.check(nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6), nn.ReLU()), 1, 3, 5, 5)
        self.check(nn.Sequential(nn.Conv1d(3, 6, 3, bias=False), nn.BatchNorm1d(6, affine=False)), 1, 3, 5)
        self.check(nn.Sequential(nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)), 1, 4, 5, 5)
        self.check(nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6)), 2, 3)

    def test_what_others_see_is_left(self):
        class Seen(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)

            def forward(self, x):
                y = self.conv(x)
                return y + self.norm(y)

        conv = nn.Conv2d(3, 3, 1)
        self.check(Seen(), 1, 3, 5, 5, left=1)
        self.check(nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3)), 1, 3, 5, 5, left=1)
        self.check(nn.Sequential(conv, nn.BatchNorm2d(3), conv, nn.BatchNorm2d(3)), 1, 3, 5, 5, left=2)
        self.check(nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(4)), 2, 4, 3, left=1)


class Refusals(TrainingCase):
    def refuses(self, kind, *says, finetune, hint="in place", **training):
        return self.refused(kind, *says, hint=hint, **self.trained(finetune, **dict({"prune": 0.5}, **training)))

    def test_a_function_that_fails(self):
        self.refuses(
            "usage",
            "tune fails: ValueError: no (tuning.py:4)",
            finetune="def tune(m):\n    raise ValueError('no')",
            hint="",
        )

    def test_a_function_that_returns_something_else(self):
        self.refuses("usage", "tune returns a value of type float", finetune="def tune(m):\n    return 0.5")

    def test_a_function_that_changes_the_architecture(self):
        self.refuses(
            "usage",
            "tune changes the architecture: head.bias was [4] of float32, is [5]",
            finetune="def tune(m):\n    m.head = nn.Linear(8, 5)",
        )

    def test_a_function_that_takes_the_masks_away(self):
        tune = "from torch.nn.utils import prune\ndef tune(m):\n    prune.remove(m.head, 'weight')"
        self.refuses("usage", "tune changes the architecture: head.weight (", "is new", finetune=tune)

    def test_a_function_that_leaves_no_numbers(self):
        tune = "def tune(m):\n    m.head.bias.data.fill_(float('nan'))"
        self.refuses(
            "usage", "tune leaves values that are no finite numbers in head.bias", finetune=tune, hint="learning rate"
        )

    def test_a_function_of_other_parameters(self):
        self.refuses(
            "usage",
            "tune can't be called with 1 argument(s)",
            finetune="def tune(m, data): pass",
            hint="(model) alone",
        )
