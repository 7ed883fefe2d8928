"""The part of docs/scale.md on clusters: what `make bench-cluster` measured, and what follows for many machines."""

import statistics
from typing import Any

from batch_page import load

SECTION = """
## A cluster

`make bench-cluster` converted {models} models of the zoo, {megabytes:.0f} MB, on {date}:
{names}.
Workers of Dask ([batch.md](batch.md#on-a-cluster)) had a core, a network namespace, a home and a cache each, and a
registry with TLS; scheduler, registry and who asks shared the {processors} processors with them. By turns,
{rounds}.{load}

| | seconds |
|---|---:|
| one worker | {one:.0f} |
| two workers | {two:.0f}, {ratio:.2f} of that |

A model on average, of one worker, beyond what the first one takes, for which everything is imported:

| | |
|---|---:|
| its conversion | {converting:.1f} s |
| waiting, files there and back, checks | {overhead:.1f} s |
| of a processor, of who asks | {asking:.2f} s |
| through the registry, there and back | {there:.0f} and {back:.0f} MB |

The command itself takes {start:.1f} s of a processor with its first model, and the scheduler {scheduling:.0f} ms of one
a second, whether there is much to do or little.

### 10,000 models on {machines} machines

Reckoned from these figures, for such models and machines of two cores, with a worker each, images there:

| what has to be done | takes |
|---|---:|
| conversions, by {workers} workers | {by_workers} |
| who asks: hashing, sending, checking, writing, on one core | {by_asking} |
| the registry, at 1 Gbit/s | {by_registry} |

All of it goes on at once, so the longest decides: about **{total}**,
{bottleneck}, and at the end what the largest model takes. More workers are of use up
to about

| | workers |
|---|---:|
| who asks has all of a core to do | {asking_most:,.0f} |
| the registry's 1 Gbit/s is full | {registry_most:,.0f} |

What to change then:

1. **Who asks**: several, each with a share (`--shard 2/8`), by the same scheduler and store; `pinlite report` shows all
   of them together. Nothing else has to be agreed on.
2. **The registry**: one that redirects blobs to an object store, or a faster network. Most of what goes through it
   comes back: SavedModels and TFLite files.
3. **The scheduler** knows a model as one task of a few kB and a few lines of progress, and is the last to be full; most
   of what it does is to hear from each worker now and then.
4. Weights that many models share are sent once. A worker that has converted a model before takes its stages from its
   store, or from `--store` where a key is trusted.
"""

MODELS, MACHINES, CORES = 10_000, 100, 2
GIGABIT = 125e6


def reduced(found: dict[str, Any]) -> dict[str, Any] | None:
    """What the page says; None where fewer than two models say nothing of an average."""
    return found if len(found["models"]) > 1 and found["rounds"] else None


def section(found: dict[str, Any]) -> str:
    count, rounds, start = len(found["models"]), found["rounds"], found["start"]

    def median(workers: str, name: str) -> float:
        return statistics.median(turn[workers][name] for turn in rounds)

    def beyond_start(name: str) -> float:
        """Of a model, without what the first one takes."""
        return max(median("one", name) - start[name], 0.0) / (count - 1)

    one, converting = median("one", "seconds"), median("one", "converting") / count
    overhead = max(beyond_start("seconds") - beyond_start("converting"), 0.0)
    there = found["bytes"] / count
    back = max(median("one", "stored") / count - there, 0.0)
    each = {
        "asking": beyond_start("asking"),
        "registry": (there + back) / GIGABIT,
    }
    workers = MACHINES * CORES
    takes = {name: MODELS * seconds for name, seconds in each.items()} | {
        "workers": MODELS / workers * (converting + overhead)
    }
    longest = max(takes, key=lambda name: takes[name])
    return SECTION.format(
        models=count,
        names=", ".join(found["models"]),
        megabytes=found["bytes"] / 1e6,
        date=found["date"],
        rounds=f"{len(rounds)} times, of which this is the median" if len(rounds) > 1 else "once",
        processors=found["processors"],
        load=load(found),
        one=one,
        two=median("two", "seconds"),
        ratio=statistics.median(turn["two"]["seconds"] / turn["one"]["seconds"] for turn in rounds),
        converting=converting,
        overhead=overhead,
        asking=each["asking"],
        scheduling=1000 * median("one", "scheduling") / one,
        there=there / 1e6,
        back=back / 1e6,
        start=start["asking"],
        machines=MACHINES,
        workers=workers,
        total=_duration(takes[longest]),
        bottleneck=_LONGEST[longest],
        **{f"by_{name}": _duration(seconds) for name, seconds in takes.items()},
        **{f"{name}_most": (converting + overhead) / max(seconds, 1e-6) for name, seconds in each.items()},
    )


_LONGEST = {
    "workers": "as long as the workers have to do",
    "asking": "as long as who asks has to do, who is the first to be full",
    "registry": "as long as the registry's network takes",
}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
