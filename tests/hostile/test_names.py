"""Names that a model chooses: whatever they are, they are kept and shown, and reach no terminal and no path."""

import json

import pytest
from conftest import ENTRY

STEERING = {"\x1b", "\x07", "\x9b", "\u202e"}
NAMES = [
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m\u202egnp",
    "<script>alert(1)</script>",
    "[red]a[/red]",
    "../../../escaped",
    "/etc/passwd",
    "a\nerror: b\nhint: c",
    "x" * 5000,
]
CODE = f"""
from torch import nn


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return {{name: self.linear(x) * at for at, name in enumerate({NAMES!a})}}


def build():
    return Named()
"""


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["tables", "json"])
def test_names_of_outputs(pinlite, flags):
    (pinlite.here / "names.py").write_text(CODE)
    arguments = ("convert", "names.py:build", "--input", "x=1x4", "--engine", "docker", "--out", "out", *flags)
    ended = pinlite.succeeds(*arguments, entry=ENTRY)
    assert not STEERING & set(ended.out + ended.err)
    found = json.loads((pinlite.here / "out" / "report.json").read_text())
    assert [tensor["name"] for tensor in found["variants"][0]["outputs"]] == NAMES
    assert {hop["output"] for hop in found["hops"]} == set(NAMES)
    if flags:
        assert json.loads(ended.out) == found
    for file in ("model.onnx", "model.float32.tflite"):
        shown = pinlite.succeeds("inspect", f"out/{file}", "--engine", "docker").out
        assert not STEERING & set(shown)
    assert not list(pinlite.here.parent.rglob("*escaped*"))
