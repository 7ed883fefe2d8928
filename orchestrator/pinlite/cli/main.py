"""The entry point: what ends a command, and with which status."""

import platform
import shlex
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from pinlite import __version__, folders
from pinlite.cli.app import app
from pinlite.errors import PinliteError

_BUG = 1
_INTERRUPTED = 130


def main() -> int:
    """Run the command that ``sys.argv`` names; its exit status."""
    console = Console(stderr=True, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status: Any = typer.main.get_command(app).main(prog_name="pinlite", standalone_mode=False)
    except PinliteError as error:
        _explain(console, str(error), error.hint)
        return error.exit_status
    except typer.TyperException as error:
        # Without a message it is the help that a lone command asks for, which is printed already.
        if message := error.format_message():
            context = getattr(error, "ctx", None)
            _explain(console, message, f"{context.command_path if context else 'pinlite'} --help has all options")
        return error.exit_code
    except SystemExit:
        # Typer's word for a reader of the output who has gone, and for a completed completion.
        return 0
    except Exception as error:  # noqa: BLE001  # the last resort: a bug becomes a report
        _explain(
            console, f"a bug in pinlite: {type(error).__name__}: {error}", f"please report it with {_bug_report()}"
        )
        return _BUG
    if status == _INTERRUPTED:
        _explain(console, "interrupted", "")
    return status if isinstance(status, int) else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(console: Console, message: str, hint: str) -> None:
    console.print(Text("error: ", style="bold red") + Text(message))
    if hint:
        console.print(Text("hint: ", style="bold cyan") + Text(hint))


def _bug_report() -> str:
    """Write what a maintainer needs, and nothing of the environment; its path."""
    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    lines = (
        f"pinlite {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {shlex.join(['pinlite', *sys.argv[1:]])}",
        traceback.format_exc(),
    )
    try:
        folders.logs().mkdir(parents=True, exist_ok=True)
        report = folders.logs() / name
        report.write_text("\n".join(lines))
    except OSError:
        report = Path(tempfile.gettempdir(), name)
        report.write_text("\n".join(lines))
    return str(report)
