"""What is frozen as the samples had it is told with its line, and what is drawn at random is refused; nothing else."""

import unittest

import torch
from stage import StageCase
from torch import nn

BRANCH, NUMBER, SIZE = ("a branch on the data", "a number taken out of the data", "a size that depends on the data")


class Warnings(StageCase):
    def warned(self, forward, init="pass", **request):
        self.write_model(forward, init)
        return self.export(**request)["warnings"]

    def test_a_branch_is_told_with_its_line_and_its_condition(self):
        (warning,) = self.warned("if x.sum() > 0:\n    return x * 2\nreturn x - 1")
        self.assertEqual(
            "net.py:11: a branch on the data (`if x.sum() > 0`) is baked in as the samples took it: other inputs get "
            "the same branch",
            warning,
        )

    def test_whatever_takes_something_out_of_the_data_is_told(self):
        taking = {
            "x * 2 if x.sum() > 0 else x - 1": BRANCH,
            "x * 2 if torch.equal(x, x.abs()) else x - 1": BRANCH,
            "x * 2 if x.allclose(x.abs()) else x - 1": BRANCH,
            "x * 2 if x.sum().is_nonzero() else x - 1": BRANCH,
            "max(x[0, 0], x[0, 1])": BRANCH,
            "x * x.sum().item()": NUMBER,
            "x * float(x.sum())": NUMBER,
            "x * int(x.sum())": NUMBER,
            "x + torch.from_numpy(x.numpy() * 2)": NUMBER,
            "x + torch.tensor(x.tolist())": NUMBER,
            "x + torch.tensor([x[0, 0], x[0, 1], x[0, 2]])": NUMBER,
            "x[:, [0, x.argmax()]]": NUMBER,
            "x * x.storage()[0]": NUMBER,
            "x.sum() / (x > 0.5).nonzero(as_tuple=False).shape[0]": SIZE,
            "x.sum() / x[x > 0.5].relu().numel()": SIZE,
            "x.sum() * len(x.unique())": SIZE,
        }
        for code, kind in taking.items():
            with self.subTest(code):
                (warning,) = self.warned("return " + code)
                self.assertIn(f"net.py:11: {kind} (`return {code}`)", warning)

    def test_what_is_traced_or_the_same_for_every_input_is_not_told(self):
        harmless = (
            "return x + torch.tensor(x) + torch.as_tensor(x, dtype=torch.float64) + x.new_tensor(x)",
            "return x + x.detach()",
            "return x + torch.tensor([1.0, 2.0, 3.0])",
            "return x * float(self.scale) if self.scale > 0 else x",
            "return x * float(torch.ones(3).sum())",
            "return x.view(x.shape[0] * 3 // 3, -1) if x.shape[1] > 2 else x",
            "return torch.stack([row * len(x) for row in x])",
            "return x[:, : (x > -1).sum()] * 2",
            "return x[x.argmin(0)]",
            "kept = x.masked_fill(x > 0.5, 0)\nreturn kept / kept.shape[1]",
            "print(x, '{:.2f}'.format(x.mean()), str(x))\nreturn x * 2",
            "assert x.sum() < 100, 'large'\nreturn x * 2",
            "if torch.isnan(x).any():\n    raise ValueError('no numbers')\nreturn x * 2",
            "return x.unsqueeze(-1).squeeze(-1)",
            "return self.attend(x[None], x[None] * 2, x[None])[0]",
            "return F.interpolate(x.view(1, 1, 1, 3), scale_factor=1.5, mode='bilinear')",
        )
        for forward in harmless:
            with self.subTest(forward):
                init = "self.scale = nn.Parameter(torch.tensor(2.0))\nself.attend = nn.MultiheadAttention(3, 1)"
                self.assertEqual([], self.warned(forward, init))

    def test_one_place_is_told_once_and_each_of_two(self):
        warnings = self.warned("for _ in range(3):\n    x = x * float(x.sum())\nreturn x + x.mean().item()")
        self.assertEqual(["net.py:12", "net.py:13"], [warning.split(": ")[0] for warning in warnings])

    def test_data_of_a_tensor_are_the_tensor(self):
        self.write_model("y = x * 2\ny.data[:, 0] = 5\nreturn y + x.data")
        result = self.export()
        self.assertEqual([], result["warnings"])
        self.assertNotIn(result["samples"]["x"].tobytes(), result["model"])

    def test_code_of_a_package_is_named_with_the_users_line_that_calls_it(self):
        package = self.folder / "site-packages" / "helping"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("def positive(x):\n    return bool(x.sum() > 0)\n")
        self.write_model(
            "return x * 2 if helping.positive(x) else x",
            f"import sys\nglobal helping\nsys.path.append({str(package.parent)!r})\nimport helping",
        )
        (warning,) = self.export()["warnings"]
        self.assertIn(
            "net.py:14, in helping/__init__.py:2: a branch on the data (`return bool(x.sum() > 0)`) is baked in",
            warning,
        )
        (warning,) = self.warned("return x + torch.from_numpy(np.asarray(x) * 2)", "global np\nimport numpy as np")
        self.assertIn("net.py:12: a number taken out of the data (`return x + torch.from_numpy", warning)

    def test_torchscript_has_branches_too(self):
        class Branch(nn.Module):
            def forward(self, x):
                if x.sum() > 0:
                    return x * 2
                return x - 1

        class Plain(nn.Module):
            def forward(self, x):
                return x * 2 if x.shape[0] > 0 else x.relu()

        source = self.save(torch.jit.script(Branch()), "branch.pt")
        (warning,) = self.export(files={"source": source})["warnings"]
        self.assertRegex(warning, r"^code/__torch__/test_warnings\.py:\d+: a branch on the data is baked in")
        plain = self.save(torch.jit.script(Plain()), "plain.pt")
        self.assertEqual([], self.export(files={"source": plain})["warnings"])

    def test_the_exporters_own_doubts(self):
        (warning,) = self.warned("return F.interpolate(x.view(1, 1, 1, 3), size=(1, 6))", opset=9)
        self.assertIn(
            "net.py:11: torch's exporter says: You are trying to export the model with onnx:Upsample", warning
        )

    def test_random_numbers_that_decide_the_result_are_refused(self):
        drawing = (
            "F.dropout(x, 0.5, training=True)",
            "self.always(x * 2)",
            "F.alpha_dropout(x, 0.5, training=True)",
            "x + torch.randn(3)",
            "torch.bernoulli(x.sigmoid())",
            "x + torch.from_numpy(np.random.rand(3))",
            "x * 2 if random.random() > 0.5 else x",
        )
        init = "global np, random\nimport random\nimport numpy as np\nself.always = nn.Dropout()"
        init += "\nself.always.train = lambda mode=True: self.always"
        for code in drawing:
            with self.subTest(code):
                self.write_model("return " + code, init)
                part = "in Dropout (always)" if "always" in code else "in Net"
                self.refused("model", "draws random numbers", part)

    def test_what_draws_is_told_with_its_line_and_what_to_do(self):
        for code, drawn, hint in (
            ("F.dropout(x, 0.5)", "in Net: dropout", "training=self.training"),
            ("self.train().drop(x)", "in Dropout (drop): dropout", "take train() out of the model's forward"),
            ("x + torch.randn(3)", "in Net: randn", "draw them outside of the model"),
        ):
            with self.subTest(code):
                self.write_model("return " + code, "self.drop = nn.Dropout()")
                self.refused("model", f"{drawn} at net.py:11 (`return {code}`)", hint=hint)

    def test_layers_that_stay_in_training(self):
        says = "BatchNorm1d (norm) is in training mode when the model runs"
        self.write_model("return self.train().norm(x)", "self.norm = nn.BatchNorm1d(3)")
        self.refused("model", says, shape=(2, 3), hint="take train() out")
        self.write_model("return self.norm(x)", "self.norm = nn.BatchNorm1d(3)\nself.eval = lambda: None")
        self.refused("model", says, shape=(2, 3), hint="let model.eval() reach")
        self.write_model("return x", "self.eval = lambda data: None")
        self.refused("usage", "model.eval() fails: TypeError", hint="give functions of yours other names")

    def test_random_numbers_that_decide_nothing(self):
        init = "global random\nimport random"
        skips = "if self.training and random.random() > 0.5:\n    return x\nreturn x * 2"
        for forward in (skips, "torch.rand(3), random.random()\nreturn F.dropout(x * 2, 0.5, False)"):
            self.assertEqual([], self.warned(forward, init))


if __name__ == "__main__":
    unittest.main()
