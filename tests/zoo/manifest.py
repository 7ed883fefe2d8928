"""Which models there are: models.toml, as objects."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FOLDER = Path(__file__).parent
FILE = FOLDER / "models.toml"


@dataclass(frozen=True)
class Model:
    """One conversion. ``refused`` names the stage that has to refuse the model, if one has to. ``program`` says that
    its packages fit one PyTorch alone: any other gets it as a program of torch.export. ``options`` are more words of
    the command.
    """

    name: str
    source: str
    inputs: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    refused: str | None = None
    quick: bool = False
    program: bool = False
    options: tuple[str, ...] = ()


def load(file: Path = FILE) -> list[Model]:
    """Every model, in the file's order.

    Raises:
        ValueError: The quick subset names what no family has.
    """
    data = tomllib.loads(file.read_text())
    quick = set(data["quick"])
    models = [
        Model(
            name=name,
            source=f"{FOLDER / 'models' / family['file']}:{name}",
            inputs=tuple(family["inputs"]),
            requirements=tuple(family.get("with", ())),
            refused=family.get("refused"),
            quick=name in quick,
            program=family.get("program", False),
            options=tuple(family.get("options", ())),
        )
        for family in data["family"]
        for name in family["models"]
    ]
    if missing := quick - {model.name for model in models}:
        raise ValueError(f"the quick subset names {', '.join(sorted(missing))}, which is in no family")
    return models


def select(models: Sequence[Model], only: str = "", *, quick: bool = False) -> list[Model]:
    """Those that ``only`` names, by names or patterns with commas between, or else all; ``quick`` ones alone if asked.

    Raises:
        ValueError: A pattern fits no model.
    """
    patterns = [pattern.strip() for pattern in only.split(",") if pattern.strip()]
    for pattern in patterns:
        if not any(fnmatchcase(model.name, pattern) for model in models):
            raise ValueError(f"no model is named {pattern!r}")
    return [
        model
        for model in models
        if (not patterns or any(fnmatchcase(model.name, pattern) for pattern in patterns))
        and (model.quick or not quick)
    ]
