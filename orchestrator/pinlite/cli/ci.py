"""What a run leaves for the system that it runs in, where that is a CI: a page, GitHub's job summary, annotations."""

import contextlib
import os
import sys
from pathlib import Path

# What one line of a workflow command can't have as it is.
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def is_here() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def summarize(markdown: str) -> None:
    """Append to the summary of the job, where GitHub shows one."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        # It says what is said elsewhere: a run does not fail for it.
        with contextlib.suppress(OSError), Path(file).open("a", encoding="utf-8") as summary:
            summary.write(markdown)


def annotate(level: str, message: str) -> None:
    """Have GitHub show a message beside the change; ``level`` is error, warning or notice."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pinlite.ui.console import escaped

        told = "".join(_ESCAPES.get(sign, sign) for sign in escaped(message))
        sys.stderr.write(f"::{level} title=pinlite::{told}\n")
