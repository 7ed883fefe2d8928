"""The signatures of one file: the tables [[signature]] of pinlite.toml."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, Field, create_model

from pinlite.errors import UsageError
from pinlite.options.checked import checked, model
from pinlite.options.declared import SIGNATURE, Settings, SignatureSettings
from pinlite.schema.recipe import Recipe
from pinlite.toolchain import Target

# What C++ takes for a name, and Python, so that a program may call its functions by them.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORM = 'e.g. [[signature]] with name = "encode" and source = "net.py:encoder" in it, and another one'
_ALONE = "convert each of the models to a file of its own for it"


@cache
def form() -> type[BaseModel]:
    """What has the JSON Schema of a pinlite.toml: all of its options, and the tables."""
    named = Field(pattern=f"^{_NAME.pattern}$", description="What the signature is called in the file.")
    own = create_model("Signature", __base__=model(SignatureSettings), name=(str, named))
    several = Field(default=None, min_length=2, description="The signatures of one file, each of a model of its own.")
    tables: Any = {SIGNATURE: (tuple[own, ...], several)}
    return create_model("Settings", __base__=model(cast("type", Settings)), **tables)


def of(tables: Any, file: Path | None) -> dict[str, dict[str, Any]]:
    """The options of each signature by its name, in their order.

    Raises:
        UsageError: There are not several, a name is missing, wrong or there twice, or a key is none of a signature's.
    """
    where = f"{file}: " if file else ""
    if not (isinstance(tables, list) and all(isinstance(each, Mapping) for each in tables)):
        raise UsageError(f"{where}{SIGNATURE} is no list of tables", hint=_FORM)
    if len(tables) < 2:  # noqa: PLR2004  # what several are
        raise UsageError(
            f"{where}there is one [[{SIGNATURE}]] alone",
            hint="write its options without the table: the file's signature is then called serving_default; or add "
            "another one",
        )
    found: dict[str, dict[str, Any]] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        if name is None:
            raise UsageError(f"{where}{SIGNATURE} {number} has no name", hint=_FORM)
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise UsageError(
                f"{where}{SIGNATURE} {number}: name = {name!r}: it is no name for a function",
                hint="take letters, digits and _, e.g. decoder_step",
            )
        if name in found:
            raise UsageError(f"{where}two signatures are called {name!r}", hint="give each a name of its own")
        found[name] = {key: value for key, value in table.items() if key != "name"}
        checked(SignatureSettings, found[name], dict.fromkeys(found[name], called(name, file)))
    return found


def called(name: str, file: Path | None) -> str:
    """A signature in an error's words."""
    return f"{file}: {SIGNATURE} {name}" if file else f"{SIGNATURE} {name}"


def check_target(target: Target, targets: Mapping[str, Target]) -> None:
    """Refuse, with a UsageError, a target whose runtimes run the first of a file's signatures alone."""
    if not target.signatures:
        able = [f"--target {each.name}" for each in targets.values() if each.signatures]
        raise UsageError(
            f"--target {target.name}: not every runtime of it runs a second signature, some run the first alone",
            hint=f"take {' or '.join(able)}" if able else _ALONE,
        )


def check(recipes: Mapping[str, Recipe]) -> None:
    """Refuse what a file of these signatures can't have, before any work.

    Raises:
        UsageError: They have no toolchain or variants in common, or an option is for one model.
    """
    (name, first), *others = recipes.items()
    for other, recipe in others:
        for option, one, two in _in_common(first, recipe):
            if one != two:
                raise UsageError(
                    f"the signatures {name} and {other} of one file have {option} {one} and {two}",
                    hint=f"say which, for all of them: {option} above the first [[{SIGNATURE}]]",
                )
    if first.lowering != "nhwc":
        raise UsageError(
            f"[[{SIGNATURE}]]: files of the lowering {first.lowering} have TensorFlow's own signature",
            hint="convert with --lowering nhwc, by a toolchain that has it",
        )
    for option, reason in _for_one_model(first):
        raise UsageError(f"{option}: {reason}", hint=f"leave it out, or {_ALONE}")


def _in_common(one: Recipe, other: Recipe) -> Iterator[tuple[str, str, str]]:
    yield "toolchain", one.toolchain, other.toolchain
    yield "variant", ", ".join(one.variants), ", ".join(other.variants)


def _for_one_model(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The options that a file of several signatures can't have, and why."""
    if recipe.metadata:
        yield "--metadata", "what is written describes a file of one signature"
    if recipe.examples:
        yield "--example", "the program runs a file of one signature"
    if recipe.training:
        yield "--prune, --cluster, --finetune and --qat", "each signature would have weights of its own after it"
    if recipe.evaluation:
        yield "--evaluate", "what is scored are the outputs of one model"
    if recipe.ops == "select-tf":
        yield "--ops select-tf", "the runtime that has TensorFlow's operators runs the first signature alone"
