import sys
from pathlib import Path
from typing import Unpack

import typer
from rich.text import Text

from pinlite import options
from pinlite.cli.consoles import data, print_json
from pinlite.errors import UsageError
from pinlite.inputs import model_code
from pinlite.options import declared
from pinlite.tuning import settings

_FILE = "pinlite.toml"


def init(
    *, source: str | None = None, config: str = _FILE, json: bool = False, **given: Unpack[declared.RecipeOptions]
) -> None:
    file = Path(config)
    if file.exists():
        raise UsageError(f"{file} is there already", hint="change it, or name another file: --config FILE.toml")
    chosen = _source(source or _asked("the model (net.py, net.onnx, ...)", "name it: pinlite init net.py"))
    asked = options.keyed(declared.Settings, {"source": chosen, **given})
    if not {"input", "samples"} & asked.keys():
        asked |= {"input": found} if (found := _inputs(chosen)) else {}
    options.resolve(asked)
    settings.write(file, asked)
    if json:
        print_json({"written": str(file), "settings": asked})
        return
    command = "pinlite convert" + ("" if config == _FILE else f" --config {config}")
    data.print(Text(f"wrote {file}; {command} converts by it"), soft_wrap=True)


def _source(text: str) -> str:
    """The text, with what gives the model where it is a file of Python alone."""
    path = Path(text)
    if path.suffix != ".py":
        return text
    names = model_code.models(path)
    if len(names) > 1:
        given = ", ".join(f"{path}:{name}" for name in names)
        name = _asked(f"what gives the model ({', '.join(names)})", f"say which: {given}")
    else:
        name = next(iter(names), "")
    return f"{path}:{name}" if name else text


def _inputs(source: str) -> list[str]:
    """The inputs of a model in a file of Python, each with a shape that is asked for."""
    file, _, name = source.rpartition(":")
    names = model_code.inputs(Path(file), name) if file.endswith(".py") else ()
    wanted = " ".join(f"--input {each}=SHAPE" for each in names)
    found = [f"{each}={_asked(f'the shape of {each} (1x3x224x224)', f'give them: {wanted}')}" for each in names]
    for text in found:
        options.parse_input(text)
    return found


def _asked(what: str, otherwise: str) -> str:
    """What the user answers; a UsageError with a hint where nobody can."""
    if not sys.stdin.isatty():
        raise UsageError(f"nobody says {what}", hint=otherwise)
    return str(typer.prompt(what, err=True)).strip()
