"""Trials: a file for each way of choosing integers, run on the labelled samples and scored. All are actions."""

import glob
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pinlite import digest, parity
from pinlite.auditing import runtime_faults
from pinlite.conversion import conversion, variants
from pinlite.conversion.conversion import Prepared
from pinlite.conversion.plan import Plan
from pinlite.conversion.scoring import Scoring
from pinlite.debugging import debug
from pinlite.digest import HashedPath
from pinlite.errors import ModelError
from pinlite.runner.protocol import Done
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import PostTrainingQuantization
from pinlite.schema.report import Quantization, Trial
from pinlite.stages import audit, convert, infer, timing, trace
from pinlite.stages.stage import of_variant
from pinlite.toolchain import Runtime

# On how many of the labelled samples layers are compared.
COMPARED = 4


def runtime(plan: Plan, variant: VariantName) -> Runtime:
    """The runtime in which files are tried: of those in which they have to be right the newest that the toolchain does
    not call slow for them.
    """
    required = conversion.required(plan)
    there = [each for each in plan.toolchain.runtimes if each.name in required] or plan.toolchain.runtimes
    return max(reversed(there), key=lambda each: timing.runs(each, variant))


def _refuse_wrong_int16(quantization: Quantization, required: Iterable[str]) -> None:
    operators = {name: {"int16": 1} for name, types in quantization.integer_operators.items() if "int16" in types}
    for runtime in sorted(required):
        for fault in runtime_faults.known(runtime, operators):
            raise ModelError(fault.words(runtime))


@dataclass(frozen=True)
class Trials:
    """The trials of one ``variant`` of a model, in a ``runtime``."""

    common: Prepared
    scored: Scoring
    variant: VariantName
    runtime: Runtime

    def attempt(self, method: PostTrainingQuantization) -> Trial:
        """Make the file, run and score it; errors as those of `pinlite.runner.protocol.Runner.run`, and a `ModelError`
        for layers of int16 that a runtime which the target requires is known to compute wrongly.
        """
        run = self.common.run
        converted = self._made(method)
        file, signature = converted.outputs["model"], converted.result
        if method.keep_int16 != run.recipe.quantization.keep_int16:
            _refuse_wrong_int16(signature.quantization, conversion.required(run.plan))
        asked = file, self.common.lowered.samples, signature
        stage = of_variant(infer.stage(self.runtime), self.variant)
        done = run.runner.run(infer.action(stage, *asked, evaluation=self.scored.samples))
        found = variants.real(run, "tried.npz", done.outputs["evaluated"], signature.outputs)
        (first, reference), *_ = self.common.evaluated.items()
        computed = {(first, None): reference, (self.runtime.name, self.variant): found}
        scores = self.scored.scores(computed, conversion.own_scores(run, self.scored, computed))
        wanted, outputs = parity.read(reference.path), parity.read(found.path)
        losses = self.scored.losses(scores, {self.runtime.name})
        return Trial(
            method=method,
            lost=max(each.lost for each in losses),
            error=max(parity.distance(array, outputs.get(name)) for name, array in wanted.items()),
            floats=sum(signature.quantization.float_operators.values()),
            size=digest.size(file.path),
            latency_ms=self._latency(*asked),
        )

    def _latency(self, file: HashedPath, samples: HashedPath, signature: convert.Result) -> float | None:
        """The median in milliseconds; None where the runtime is too slow for such files, or has no processor."""
        most = timing.runs(self.runtime, self.variant)
        if not most:
            return None
        stage = of_variant(timing.stage(self.runtime), self.variant)
        timed = self.common.run.runner.run(timing.action(stage, file, samples, signature, most=most))
        latency = timed.result.latency_ms
        return latency.median if latency else None

    def layers(self, trial: Trial) -> list[str]:
        """The layers of a trial's file, as patterns that fit each alone: first those whose operators the audit finds
        off, then by what they add to the error on some of the labelled samples.
        """
        lowered = self.common.lowered
        if "model.onnx" not in lowered.artifacts:
            return []
        converted = self._made(trial.method)
        file = converted.outputs["model"]
        _, onnx = lowered.artifacts["model.onnx"]
        plan = self.common.run.plan
        compared = debug.Compared(
            onnx,
            lowered.saved_model,
            {self.variant: file},
            converted.result.inputs,
            trace.tflite(plan.target, plan.toolchain.runtimes),
        )
        added = defaultdict[str, float](float)
        given = parity.read(self.scored.samples.path)
        for at in range(min(COMPARED, len(self.scored.given))):
            sample = self.common.run.write(f"labelled-{at}.npz", {name: array[at] for name, array in given.items()})
            for layer in debug.ranked(self.common.run.runner, compared, sample, self.variant):
                if not layer.is_input:
                    added[layer.name] += layer.added
        off = self._off(converted)
        return [glob.escape(name) for name in sorted(added, key=lambda name: (name not in off, -added[name]))]

    def _made(self, method: PostTrainingQuantization) -> Done[convert.Result]:
        run, lowered, calibration = self.common.run, self.common.lowered, self.common.calibration
        recipe = run.recipe.model_copy(update={"quantization": method})
        samples = calibration.samples if calibration else None
        asked = lowered.saved_model, lowered.signature, samples, lowered.modules
        return run.runner.run(convert.action(recipe, run.plan.target, self.variant, *asked))

    def _off(self, converted: Done[convert.Result]) -> set[str]:
        """The layers whose operators a runtime computes in other steps than real numbers have."""
        home = audit.home(self.common.run.plan.toolchain.runtimes)
        if home is None:
            return set()
        action = audit.action(of_variant(audit.stage(home), self.variant), converted.outputs["model"])
        computed = self.common.run.runner.run(action).result.computed
        tensors = [each.tensor for each in computed.off if each.steps > each.allowed] if computed else []
        return {part.partition("/")[0] for tensor in tensors for part in tensor.split(";")}
