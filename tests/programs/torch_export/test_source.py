"""Models from Python code: what is found, what is refused and in which words."""

from stage import StageCase

LINEAR = """
    import torch
    from torch import nn

    model = nn.Linear(3, 2)
    answer = 42

    def build():
        return nn.Linear(3, 2)

    class Holder:
        @staticmethod
        def build():
            return nn.Linear(3, 2)

    def wants(size):
        return nn.Linear(size, 2)

    def gives_class():
        return nn.Linear

    def fails():
        raise ValueError("no such depth\\nat all")

    def leaves():
        raise SystemExit(3)

    def downloads():
        from urllib.request import urlopen
        return urlopen("http://127.0.0.1:9/resnet18.pth")

    def reads():
        return torch.load("weights.pth")
"""


class Found(StageCase):
    def test_function_class_instance_and_dotted_name(self):
        self.write(LINEAR)
        for callable_ in ("build", "model", "Holder.build"):
            with self.subTest(callable_):
                self.assertEqual([1, 2], self.export(callable_)["outputs"][0]["shape"])
        self.write_model("return x")
        self.export("Net")

    def test_module_in_a_package(self):
        self.write("from .net import build", "package/__init__.py")
        self.write("from torch import nn\ndef build():\n    return nn.Identity()", "package/net.py")
        self.export("build", module="package.net")
        self.export("build", module="package")

    def test_file_with_dots_in_its_name(self):
        self.write("import net\nfrom torch import nn\ndef build():\n    return net.Net()", "net.v2.py")
        self.write_model("return x")
        self.write("fails.at.all", "net.v3.py")
        self.refused("usage", "net.v3 fails", "(net.v3.py:1)", callable_="build", module="net.v3")
        self.export("build", module="net.v2")

    def test_files_beside_it_are_there_by_name_and_by_place(self):
        self.write("3 2", "sizes.txt")
        self.write("1.5", "data/factor.txt")
        self.write("2", "pkg/two.txt")
        self.write(
            """
            from pathlib import Path
            from torch import nn

            HERE = Path(__file__).parent

            def build():
                assert open("sizes.txt").read() == (HERE / "sizes.txt").read_text()
                assert open("data/factor.txt").read() == "1.5" and open("pkg/two.txt").read() == "2"
                with open("cache.txt", "w") as stream:
                    stream.write("the working folder may be written to")
                return nn.Linear(*map(int, open("sizes.txt").read().split()))
            """
        )
        self.export("build")

    def test_module_of_the_image(self):
        self.export("squeezenet1_1", module="torchvision.models", shape=(1, 3, 32, 32))

    def test_modules_named_as_the_stages_own(self):
        self.write("import outputs\nfrom symbolics import build", "export.py")
        self.write("from torch import nn\nmine = True", "outputs.py")
        self.write("import outputs\ndef build():\n    return outputs.nn.ReLU()", "symbolics.py")
        self.export("build", module="export")

    def test_data_parallel_is_unwrapped(self):
        self.write("from torch import nn\ndef build():\n    return nn.DataParallel(nn.Linear(3, 2))")
        self.export("build")

    def test_random_weights_follow_the_seed(self):
        self.write(LINEAR)
        first, same, other = (self.export("build", seed=seed)["model"] for seed in (1, 1, 2))
        self.assertEqual(first, same)
        self.assertNotEqual(first, other)

    def test_prints_and_training_mode_do_no_harm(self):
        self.write_model("print('forward')\nreturn F.dropout(x, 0.5, self.training) * 2")
        result = self.export()
        self.assertTrue((result["arrays"]["output"] == result["samples"]["x"] * 2).all())


class Refusals(StageCase):
    def test_no_such_module(self):
        self.refused("usage", "there is no module net", hint="path/to/net.py:callable; else add the package")

    def test_module_that_imports_a_missing_one(self):
        self.write("import torch\nimport timm.models")
        self.refused("usage", "module net imports timm, which is not there (net.py:2)", hint="--with timm==VERSION")

    def test_a_module_whose_package_is_called_otherwise(self):
        for line, package in (
            ("import cv2", "opencv-python-headless==VERSION"),
            ("import pytorch_lightning as pl", "pytorch-lightning==1.5.10"),
            ("import lightning.pytorch as pl", "lightning==VERSION; or import pytorch_lightning in its place"),
        ):
            with self.subTest(line):
                self.write("import torch\n" + line)
                self.refused("usage", "which is not there (net.py:2)", hint="--with " + package)

    def test_a_model_that_wants_a_gpu_is_told_where(self):
        self.write("from torch import nn\ndef build():\n    return nn.Linear(3, 2).cuda()")
        self.refused(
            "usage", "build fails", "(net.py:3)", callable_="build", hint="no stage has a GPU: leave out .cuda()"
        )
        for forward in ("return x.cuda()", "return x.to('cuda:0')", "return x + torch.ones(3, device='cuda')"):
            with self.subTest(forward):
                self.write_model(forward)
                self.refused("usage", "the model fails on its inputs", "(net.py:11)", hint="no stage has a GPU")

    def test_module_that_fails_when_imported(self):
        self.write("import torch\n\n1 / 0")
        self.refused("usage", "module net fails", "ZeroDivisionError: division by zero (net.py:3)")
        self.write("def build(:\n    pass")
        self.refused("usage", "SyntaxError", "net.py:1")
        self.write("import sys\nsys.exit('usage: net.py')")
        self.refused("usage", "module net fails", "SystemExit: usage: net.py (net.py:2)")

    def test_unknown_callable(self):
        self.write(LINEAR)
        refusal = self.refused("usage", "net has no biuld", callable_="biuld", hint="build")
        self.assertNotIn("nn", refusal.hint.split(", "))
        self.refused("usage", "net has no Holder.make", callable_="Holder.make", hint="build")

    def test_no_module_object(self):
        self.write(LINEAR)
        self.refused("usage", "gives the class Linear, no torch.nn.Module", callable_="gives_class")
        self.refused("usage", "answer is a value of type int", callable_="answer")
        self.refused("usage", "gives a value of type", "Holder", callable_="Holder")

    def test_callable_that_wants_arguments(self):
        self.write(LINEAR)
        self.refused("usage", "wants arguments", "size", callable_="wants", hint="no arguments")

    def test_callable_that_fails(self):
        self.write(LINEAR)
        self.refused("usage", "fails fails: ValueError: no such depth at all (net.py:23)", callable_="fails")
        self.refused("usage", "leaves fails: SystemExit: 3", callable_="leaves")

    def test_callable_that_downloads_or_reads(self):
        self.write(LINEAR)
        self.refused("usage", "URLError", callable_="downloads", hint="--weights FILE")
        self.refused("usage", "FileNotFoundError", "(net.py:33)", callable_="reads", hint="--weights FILE")
