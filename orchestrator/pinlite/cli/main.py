"""The entry point: what ends a command, and with which status.

Nothing is imported here that a command may not need: the one that has nothing to do should be over at once.
"""

import signal
import sys
from types import FrameType

from pinlite.cli.again import again
from pinlite.errors import PinliteError

_BUG = 1
_INTERRUPTED = 130


def main() -> int:
    """Run the command that ``sys.argv`` names; its exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return 0 if again(sys.argv[1:]) else _command()
    except PinliteError as error:
        _explain(str(error), error.hint)
        return error.exit_status
    except KeyboardInterrupt:
        _explain("interrupted", "")
        return _INTERRUPTED
    except SystemExit:
        # Typer's word for a reader of the output who has gone, and for a completed completion.
        return 0
    except Exception as error:  # noqa: BLE001  # the last resort: a bug becomes a report
        _explain(f"a bug in pinlite: {type(error).__name__}: {error}", f"please report it with {_bug_report()}")
        return _BUG


def _command() -> int:
    """The command by its options, and what typer itself has to say of them."""
    import typer

    from pinlite.cli.app import app

    try:
        status = typer.main.get_command(app).main(prog_name="pinlite", standalone_mode=False)
    except typer.TyperException as error:
        # Without a message it is the help that a lone command asks for, which is printed already.
        if message := error.format_message():
            context = getattr(error, "ctx", None)
            _explain(message, f"{context.command_path if context else 'pinlite'} --help has all options")
        return error.exit_code
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(message: str, hint: str) -> None:
    from rich.text import Text

    from pinlite.ui.console import SafeConsole, indented

    console = SafeConsole(stderr=True, soft_wrap=True)
    console.print(Text("error: ", style="bold red") + Text(indented(message)))
    if hint:
        console.print(Text("hint: ", style="bold cyan") + Text(indented(hint)))


def _bug_report() -> str:
    """Write what a maintainer needs, and nothing of the environment; its path."""
    import platform
    import shlex
    import tempfile
    import time
    import traceback
    from pathlib import Path

    import pinlite
    from pinlite import folders

    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    lines = (
        f"pinlite {pinlite.__version__}, Python {platform.python_version()}, {platform.platform()}",
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
