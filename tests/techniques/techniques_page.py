"""docs/techniques.md, from what `make techniques` measured on both engines."""

from collections.abc import Sequence
from typing import Any

import matrix

ENGINES = ("docker", "venv")
PAGE = """\
# Techniques and variants, on five models

For everybody who chooses a technique of [training.md](training.md) or a [variant](variants.md): `make techniques`
applied each technique to each of five models and converted the results to every variant. mobilenet_v2, resnet18, the
U-Net and the LSTM have random weights and no labelled data; they are not fine-tuned, and integers are calibrated on
random numbers. The digits network is fine-tuned, and its accuracy is that on 899 held-out images.

A cell has the size of the file, its size after gzip, and the smallest cosine to PyTorch in tflite-runtime 2.14.0, or
the accuracy there. Both engines made every file{same}. `make docs` writes this page.
"""


def reduced(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The cells; None unless both engines have all of them."""
    wanted = [(run.model, run.technique, variant) for run in matrix.runs() for variant in matrix.VARIANTS]
    for engine in ENGINES:
        if [(cell["model"], cell["technique"], cell["variant"]) for cell in document.get(engine, [])] != wanted:
            return None
    docker, venv = (document[engine] for engine in ENGINES)
    return [_reduced(one, other) for one, other in zip(docker, venv, strict=True)]


def _reduced(cell: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    same = all(cell[key] == other[key] for key in ("sha256", "ends"))
    kept = {key: value for key, value in cell.items() if key != "sha256"}
    # The last digits are another machine's own.
    return {**kept, "cosine": cell["cosine"] and round(cell["cosine"], 4), "same": same}


def page(cells: Sequence[dict[str, Any]]) -> str:
    others = [cell for cell in cells if not cell["same"]]
    same = ", and gave the same bytes everywhere" if not others else f"; {len(others)} of {len(cells)} cells differ"
    lines = PAGE.format(same=same).splitlines()
    notes: list[str] = []
    for model in dict.fromkeys(cell["model"] for cell in cells):
        lines += ["", f"## {model}", "", "| |" + "".join(f" {variant} |" for variant in matrix.VARIANTS)]
        lines.append("|---|" + "---:|" * len(matrix.VARIANTS))
        own = [cell for cell in cells if cell["model"] == model]
        for technique in dict.fromkeys(cell["technique"] for cell in own):
            shown = (_cell(cell, notes) for cell in own if cell["technique"] == technique)
            lines.append(f"| {technique} | " + " | ".join(shown) + " |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def _cell(cell: dict[str, Any], notes: list[str]) -> str:
    note = ""
    if cell["ends"] != matrix.CONVERTED:
        ends = "differs" if cell["ends"] == matrix.DIFFERS else f"refused by {cell['ends']}"
        why = matrix.exemption(cell["model"], cell["technique"], cell["variant"])
        text = f"{ends}: {why.because if why else cell['message']}"
        if text not in notes:
            notes.append(text)
        note = f" [{notes.index(text) + 1}]"
    if cell["size"] is None:
        return f"refused{note}"
    right = f"{100 * cell['score']:.2f} %" if cell["score"] is not None else f"{cell['cosine']:.4f}"
    return f"{_bytes(cell['size'])}, {_bytes(cell['gzip_size'])}, {right}{note}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
