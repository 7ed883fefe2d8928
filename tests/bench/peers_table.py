"""Pairs as a table in Markdown and as JSON."""

import json
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bench import pairs
from bench.pairs import Pair, Ratio, Result, Run

NONE = "-"
LONGEST = 300


def markdown(results: Sequence[Result], versions: Mapping[str, str]) -> str:
    """A table of each kind."""
    lines = [f"pinlite over onnx2tf {versions['onnx2tf']}; in brackets the quartiles of what was measured."]
    lines += [line for result in results for line in _table(result)]
    return "\n".join(lines) + "\n"


def _table(result: Result) -> list[str]:
    """The pairs, a row each, with their geometric means; then what is not right, and which targets are missed."""
    found, runtimes = result.pairs, result.runtimes
    latencies = {runtime: pairs.latencies(found, runtime) for runtime in runtimes}
    sizes = pairs.sizes(found)
    exact, column = (_cosine, "{}, cosine") if result.targets.cosine else (_right, "{} right")
    heads = ["model", *map(column.format, ("ours", "theirs")), *(f"latency, {runtime}" for runtime in runtimes)]
    lines = [
        "",
        f"## {result.kind}",
        _row([*heads, "size", "seconds, ours", "seconds, theirs", "ours over theirs"]),
        f"|---|---|---|{'---:|' * (len(runtimes) + 4)}",
    ]
    for pair in found:
        ratios = [_ratio(latencies[runtime].get(pair.model)) for runtime in runtimes]
        size = f"{sizes[pair.model]:.4f}" if pair.model in sizes else NONE
        seconds = [f"{made.seconds:.1f}" if made else NONE for made in (pair.ours, pair.theirs)]
        cells = [pair.model, exact(pair, "ours"), exact(pair, "theirs"), *ratios, size, *seconds]
        lines.append(_row([*cells, _ratio(pair.conversion, 2)]))
    means = [_mean([ratio.median for ratio in latencies[runtime].values()], 3) for runtime in runtimes]
    both = [(pair.ours.seconds, pair.theirs.seconds) for pair in found if pair.ours and pair.theirs]
    seconds = [_mean(column, 1) for column in zip(*both, strict=True)] or [NONE, NONE]
    ratio = _mean([pair.conversion.median for pair in found if pair.conversion], 2)
    lines.append(_row(["**geometric mean**", "", "", *means, _mean(list(sizes.values()), 4), *seconds, ratio]))
    lines += _section("Not right", _reasons(found))
    lines += _section("Not as asked", _remarks(found))
    lines += _section("Targets missed", result.shortfalls)
    return lines


def to_json(results: Sequence[Result], versions: Mapping[str, str]) -> str:
    kinds = {
        result.kind: {
            "pairs": [asdict(pair) | {"size": pair.size} for pair in result.pairs],
            "shortfalls": result.shortfalls,
        }
        for result in results
    }
    document = {"versions": versions, "kinds": kinds}
    return json.dumps(document, indent=1) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"### {title}", *(f"- {line}" for line in lines)] if lines else []


def _right(pair: Pair, side: str) -> str:
    """In how many of the runtimes, and the largest difference there."""
    runs: list[Run] = [getattr(match, side) for match in pair.matches.values()]
    right = [run.difference for run in runs if run.right]
    if not right:
        return "no"
    return f"{max(right):.0e}" if len(right) == len(runs) else f"{max(right):.0e} in {len(right)} of {len(runs)}"


def _cosine(pair: Pair, side: str) -> str:
    """The smallest of the runtimes."""
    runs: list[Run] = [getattr(match, side) for match in pair.matches.values()]
    cosines = [run.cosine for run in runs if run.cosine is not None]
    return f"{min(cosines):.6f}" if cosines else "no"


def _remarks(found: Sequence[Pair]) -> list[str]:
    """What a converter has made otherwise than it was asked first."""
    sides = [
        (pair.model, side, made) for pair in found for side, made in (("ours", pair.ours), ("theirs", pair.theirs))
    ]
    return [f"{model}, {side}: {_short(made.remark)}" for model, side, made in sides if made and made.remark]


def _reasons(found: Sequence[Pair]) -> list[str]:
    """Why a file is not right, once for all runtimes that say the same of it."""
    reasons: dict[str, list[str]] = {}
    for pair in found:
        for runtime, match in pair.matches.items():
            for side, run in (("ours", match.ours), ("theirs", match.theirs)):
                if not run.right:
                    reasons.setdefault(f"{pair.model}, {side}: {_why(run)}", []).append(runtime)
    return [f"{reason} ({', '.join(runtimes)})" for reason, runtimes in reasons.items()]


def _why(run: Run) -> str:
    if run.error:
        return _short(run.error)
    return "other shapes, or no numbers" if run.difference is None else f"it differs by {run.difference:.1e}"


def _short(text: str) -> str:
    return textwrap.shorten(text, LONGEST)


def _ratio(ratio: Ratio | None, digits: int = 3) -> str:
    if not ratio:
        return NONE
    median, lower, upper = (f"{each:.{digits}f}" for each in (ratio.median, ratio.lower, ratio.upper))
    return f"{median} ({lower} to {upper})"


def _mean(values: Sequence[float], digits: int) -> str:
    return f"**{statistics.geometric_mean(values):.{digits}f}**" if values else NONE
