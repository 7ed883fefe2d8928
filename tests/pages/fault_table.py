"""docs/runtime-faults.md: what runtimes of TFLite files compute wrongly, from `pinlite.auditing.runtime_faults`."""

import cells

from pinlite.auditing import runtime_faults
from pinlite.auditing.runtime_faults import Fault, Versions

PAGE = """\
# What runtimes compute wrongly

For everybody who runs integer files on devices. Each row is an operator that runtimes compute wrongly in a valid file,
without a word. `pinlite convert` warns where a runtime that the target asks for is among them, and `pinlite audit`
tells of each file which rows are about it; with `--target` or `--runtime` the file fails for them
([audit.md](audit.md)). `make docs` writes this page from `auditing/runtime_faults.toml`.

How a row comes about: `make kernels` runs single operators in some 1,900 forms (ranks, axes, paddings, strides, ties,
ends of ranges), each alone in a file, in every runtime of the toolchain, with XNNPACK and without, and holds each
integer to the real number that it stands for. It fails where something is wrong that no row tells, and where a row has
become stale. Versions between were run in the same way: TensorFlow 2.5.3 and 2.6.5, tflite-runtime 2.7.0 to 2.13.0,
and ai-edge-litert 1.0.1 to 2.2.0; for weights of int8 beside floats TensorFlow 2.15.1 to 2.19.1, too. Words behind an
operator say which of its kind, as with a scale per channel.

| operator | type | what comes out | TensorFlow, tflite-runtime | ai-edge-litert |
|---|---|---|---|---|
{rows}

Not a fault, but known: kernels of 16 bits read some functions from tables, and are up to 4 steps off (sigmoid, tanh),
32 (softmax) or 64 (exp, GELU), of 65,535. Places in a bilinear resize of integers are 1/128 of a pixel off at most, or
else the row above is about it.
"""


def page() -> str:
    return PAGE.format(rows="\n".join(map(_row, runtime_faults.faults())))


def _row(fault: Fault) -> str:
    by_package = {package: each for each in fault.versions for package in each.packages}
    versions = (_versions(by_package.get(package)) for package in ("tensorflow", "ai-edge-litert"))
    return f"| {fault.operator} | {fault.type} | {cells.text(fault.what)} | {' | '.join(versions)} |"


def _versions(versions: Versions | None) -> str:
    if versions is None:
        return ""
    return f"{versions.since} to before {versions.right}" if versions.right else f"from {versions.since} on"
