"""Code and files that Python 3.8 and torch 1.7.1 are too old for: the hint says what to do."""

import zipfile

import torch
from newer_samples import MODELS, MODULES
from stage import RefusedError, StageCase

HINT = "convert with --toolchain current"


class NewerCode(StageCase):
    def test_code_that_fails_when_it_is_imported(self):
        for text in MODULES:
            with self.subTest(text):
                self.write(text)
                self.refused("usage", "module net fails when it is imported", hint=HINT)

    def test_layers_and_functions_that_are_not_there_yet(self):
        for init, forward in MODELS:
            with self.subTest(init + forward):
                self.write_model(forward, init)
                with self.assertRaises(RefusedError) as caught:
                    self.export()
                self.assertIn(HINT, caught.exception.hint)
                self.assertIn("--python PATH", caught.exception.hint)

    def test_operators_that_later_torches_export(self):
        self.write_model("return torch.lgamma(x)")
        self.refused("model", "lgamma", hint="later torches export more: " + HINT)

    def test_fourier_transforms(self):
        for forward in (
            "return torch.view_as_real(torch.fft.rfft(x))",
            "return torch.stft(x, 4, return_complex=False)",
        ):
            with self.subTest(forward):
                self.write_model("import torch.fft\n" + forward)
                refusal = self.refused("model", "opset 12: ", hint=": torch of today exports it; ")
                self.assertTrue(refusal.hint.endswith(HINT + ", or in an environment of your own with --python PATH"))
                self.assertNotIn("write it", refusal.hint)
        self.write_model("return torch.rfft(x, 1)")
        self.refused("model", "opset 12: rfft", hint="rfft: torch of today exports it as torch.fft.rfft; ")

    def test_what_is_wrong_in_every_version(self):
        for init, forward in (
            ("self.norm = nn.Nothing", "return x"),
            ("pass", "return x.reshape(1, 2)"),
            ("pass", "return self.absent(x)"),
        ):
            with self.subTest(init + forward):
                self.write_model(forward, init)
                refusal = self.refused("usage")
                self.assertEqual("Nothing" in init, HINT in refusal.hint, refusal.hint)

    def test_files(self):
        program = self.folder / "model.pt2"
        with zipfile.ZipFile(program, "w") as archive:
            archive.writestr("model/archive_format", "pt2")
        self.refused("usage", "torch 1.7.1", "torch.export", files={"source": program}, hint=HINT)
        script = self.save(torch.jit.script(torch.nn.ReLU()), "model.pt")
        newer = self.folder / "newer.pt"
        with zipfile.ZipFile(script) as old, zipfile.ZipFile(newer, "w") as new:
            for name in old.namelist():
                new.writestr(name, b"10\n" if name.endswith("/version") else old.read(name))
        self.refused("usage", "can't load this TorchScript file", files={"source": newer}, hint=HINT)
