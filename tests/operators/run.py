"""PyTorch's operators, each alone through the stages of a conversion: what becomes of them, and whether it is right.

Writes build/operators/operators.json. Fails if a probe is wrong or a stage crashes; a refusal is an answer.
"""

import argparse
import functools
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

import expressions
from expressions import Probe
from recipes import adding

from pinlite import parity, toolchain
from pinlite.engine import choose
from pinlite.errors import ModelError, StageCrashError, UsageError
from pinlite.options import resolve
from pinlite.runner import Done, LocalRunner, Runner
from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Recipe
from pinlite.stages import check, convert, infer, translate
from pinlite.stages.stage import Action, Stage, as_json
from pinlite.toolchain import ImageRecipe

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "build" / "operators" / "operators.json"

# The same as a conversion's own, relative to the largest magnitude of an output.
TOLERANCE = resolve({"source": "operators:probe"}).tolerance

IMAGE = "operators"
EXPORT = Stage("export", image=IMAGE, program="probe", operation="probe")
RUN = infer.stage(toolchain.load().runtimes[0])


@dataclass(frozen=True)
class Result:
    """What became of a probe: operators by their number, or the refusal of a ``stage``, or that it ``crashed``.

    ``aten`` are the operators that torch traced, ``ours`` those of them that are exported by our symbolics, ``kept``
    those that these leave to torch's own; ``difference`` is the largest of all hops, None where outputs can't be
    compared.
    """

    title: str
    code: str
    aten: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    onnx: dict[str, int] = field(default_factory=dict)
    tflite: dict[str, int] = field(default_factory=dict)
    difference: float | None = None
    stage: str = ""
    crashed: bool = False
    message: str = ""
    hint: str = ""


class Exported(Frozen):
    aten: list[str]
    ours: list[str]
    kept: list[str]
    around: dict[str, int]


def right(probe: Probe, result: Result) -> bool:
    """Whether the outputs are, or the refusal is the one that has to be."""
    if probe.refused or result.stage:
        return result.stage == probe.refused and not result.crashed
    return result.difference is not None and result.difference <= TOLERANCE


class Prober:
    """The stages of a conversion, whose workers serve one probe after the other."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def run(self, probe: Probe) -> Result:
        result = Result(probe.title, probe.code)
        recipe = resolve({"source": "operators:probe", "input": list(probe.inputs), "ops": "builtin"})
        try:
            exported = self._runner.run(_export(recipe, probe))
            result = replace(result, aten=exported.result.aten, ours=exported.result.ours, kept=exported.result.kept)
            return self._converted(recipe, exported, result)
        except (ModelError, StageCrashError, UsageError) as error:
            stage, crashed = error.stage.partition(" ")[0], not isinstance(error, ModelError)
            return replace(result, stage=stage, crashed=crashed, message=error.message, hint=error.hint)

    def _converted(self, recipe: Recipe, exported: Done[Exported], result: Result) -> Result:
        samples = exported.outputs["samples"]
        checked = self._runner.run(check.action(recipe, exported.outputs["model"], samples))
        in_onnxruntime = self._runner.run(check.compute(exported.outputs["model"], samples))
        lowering = translate.action(recipe, checked.outputs["simplified"], samples, checked.result)
        translated = self._runner.run(lowering)
        saved_model = translated.outputs["saved_model"]
        in_tensorflow = self._runner.run(translate.compute(saved_model, translated.result, samples, None))
        converted = self._runner.run(
            convert.action(recipe, toolchain.load().target, "float32", saved_model, translated.result, None)
        )
        ran = [
            self._runner.run(infer.action(stage, converted.outputs["model"], samples, converted.result))
            for stage in map(infer.stage, toolchain.load().runtimes)
        ]
        computed = exported, in_onnxruntime, in_tensorflow, *ran
        reference, *found = (parity.read(done.outputs["outputs"].path) for done in computed)
        differences = [
            hop.max_rel_error
            for outputs in found
            for hop in parity.compare("torch", reference, "", outputs, recipe.tolerance)
        ]
        around = exported.result.around
        return replace(
            result,
            onnx=_without(checked.result.operators, around),
            tflite=_without(ran[0].result.ops, {"CONV_2D": around["Conv"]}),
            difference=None if None in differences else max(differences),
        )


def _without(operators: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    """Operators by name, less the others, and without constants."""
    counts = {name: count - others.get(name, 0) for name, count in sorted(operators.items()) if name != "Constant"}
    return {name: count for name, count in counts.items() if count > 0}


def _export(recipe: Recipe, probe: Probe) -> Action[Exported]:
    return Action(
        EXPORT,
        Exported,
        parameters={
            "code": probe.code,
            "images": probe.images,
            "signed": probe.signed,
            "inputs": as_json(recipe.inputs),
            "seed": recipe.seed,
            "opset": recipe.opset,
        },
        outputs={"model": "model.onnx", "samples": "samples.npz", "outputs": "outputs.npz"},
    )


def _images() -> dict[str, ImageRecipe]:
    """Those of a conversion, and the torch image with the programs of this folder and the zoo's seeds."""
    images = toolchain.load().images
    ours = {path.name: path for path in (HERE / "probe.py", HERE.parent / "zoo" / "models" / "seeding.py")}
    return {**images, IMAGE: adding(images["torch"], IMAGE, ours)}


def _run(chosen: list[Probe], engine_name: str) -> Iterator[tuple[Probe, Result]]:
    engine, limits = functools.partial(choose, engine_name), resolve({"source": "operators:probe"}).limits
    stages = (EXPORT, check.STAGE, translate.STAGE, convert.STAGE, RUN)
    with LocalRunner(engine, _images(), limits, ahead=stages) as runner:
        prober = Prober(runner)
        for probe in chosen:
            yield probe, prober.run(probe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="the probes that fit, such as '*Conv2d*'")
    parser.add_argument("--engine", default="auto", help="what runs the stages")
    arguments = parser.parse_args()

    chosen = [probe for probe in expressions.load() if fnmatchcase(probe.code, arguments.only)]
    results, wrong = [], []
    for probe, result in _run(chosen, arguments.engine):
        results.append(result)
        verdict = f"refused by {result.stage}: {result.message}" if result.stage else f"differs by {result.difference}"
        if not right(probe, result):
            wrong.append(probe.code)
            verdict = f"WRONG: {verdict}"
        print(f"{len(results)}/{len(chosen)} {probe.code}: {verdict}", flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    print(f"{len(results) - len(wrong)} of {len(results)} are as they should be; not so: {', '.join(wrong) or 'none'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
