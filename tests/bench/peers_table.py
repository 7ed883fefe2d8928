"""Results as tables in Markdown, with the quartiles of what was measured in brackets."""

import statistics
import textwrap
from collections.abc import Sequence

from bench import pairs
from bench.pairs import Made, Pair, Quartiles, Result, Run

NONE = "-"
OURS, WARM, THEIRS = "ours", "warm", "theirs"
LONGEST = 300


def markdown(results: Sequence[Result]) -> str:
    """All of each result."""
    return "\n".join(f"## {result.name}\n\n{body(result)}\n" for result in results)


def body(result: Result) -> str:
    """The tables, then what is not right, and which targets are missed."""
    parts = [files(result)] if result.runtimes else []
    parts.append(seconds(result))
    for title, lines in (
        ("Not right:", _reasons(result.pairs)),
        ("Not as asked:", _remarks(result.pairs)),
        ("Targets missed:", result.shortfalls),
    ):
        parts += [title, "\n".join(f"- {line}" for line in lines)] if lines else []
    return "\n\n".join(parts)


def files(result: Result) -> str:
    """How right both files of a model are, and ours over theirs: the latency in each runtime and the size."""
    latencies = [pairs.latencies(result.pairs, runtime) for runtime in result.runtimes]
    sizes = pairs.sizes(result.pairs)
    exact, word = (_cosine, "cosine") if result.targets.cosine else (_right, "right")
    first = result.runtimes[0]
    heads = ["model", f"ours, {word}", f"theirs, {word}", f"ours, ms in {first}"]
    lines = [_row([*heads, *result.runtimes, "size"]), f"|---|---|---|{'---:|' * (len(latencies) + 2)}"]
    for pair in result.pairs:
        run = pair.matches[first].ours if first in pair.matches else Run()
        milliseconds = f"{run.milliseconds.median:.3g}" if run.milliseconds else NONE
        ratios = [_quartiles(each.get(pair.model)) for each in latencies]
        size = f"{sizes[pair.model]:.4f}" if pair.model in sizes else NONE
        lines.append(_row([pair.model, exact(pair, "ours"), exact(pair, "theirs"), milliseconds, *ratios, size]))
    means = [_mean([ratio.median for ratio in each.values()], 3) for each in latencies]
    return "\n".join([*lines, _row(["**geometric mean**", "", "", "", *means, _mean(list(sizes.values()), 4)])])


def seconds(result: Result) -> str:
    """What conversions took, ours over theirs, with workers waiting where that was measured, and the peak memory."""
    ours = [OURS, *([WARM] if any(pair.warm for pair in result.pairs) else [])]
    sides = [*ours, THEIRS]
    heads = ["model", "MB of ONNX", *(f"{side}, s" for side in sides)]
    heads += [*(f"{side} over theirs" for side in ours), "ours, GB", "theirs, GB"]
    lines = [_row(heads), f"|---|{'---:|' * (len(heads) - 1)}"]
    for pair in result.pairs:
        ratios = (_quartiles(pair.conversion(side), 2) for side in ours)
        memory = (f"{each.memory / 1e9:.2f}" if each else NONE for each in (pair.ours, pair.theirs))
        each = (_seconds(getattr(pair, side)) for side in sides)
        lines.append(_row([pair.model, f"{pair.bytes / 1e6:.1f}", *each, *ratios, *memory]))
    for words, smallest in (("geometric mean", 0), ("of 100 MB and more", pairs.LARGE)):
        found = [pair for pair in result.pairs if pair.bytes >= smallest and pair.conversion(OURS)]
        each = (_mean([_median(getattr(pair, side)) for pair in found], 1) for side in sides)
        ratios = (_mean(pairs.conversions(found, side), 2) for side in ours)
        lines.append(_row([f"**{words}**", "", *each, *ratios, "", ""]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


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


def _median(made: Made) -> float:
    return pairs.of(made.seconds).median


def _seconds(made: Made | None) -> str:
    return _quartiles(pairs.of(made.seconds), 1) if made and made.seconds else NONE


def _quartiles(found: Quartiles | None, digits: int = 3) -> str:
    if not found:
        return NONE
    median, lower, upper = (f"{each:.{digits}f}" for each in (found.median, found.lower, found.upper))
    return f"{median} ({lower} to {upper})"


def _mean(values: Sequence[float], digits: int) -> str:
    return f"**{statistics.geometric_mean(values):.{digits}f}**" if values else NONE
