"""The entry point: it turns the end of a command into a message and an exit status.

Nothing is imported here that a command may not need: the one that has nothing to do should be over at once.
"""

import contextlib
import errno
import gc
import io
import os
import re
import signal
import sys
import time
from types import FrameType

from pinlite.errors import PinliteError, UsageError
from pinlite.machine import system

_BUG = 1
_INTERRUPTED = 130
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
# Of a folder that can't be read or written, or has no room.
_UNUSABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
    *system.FULL,
}
_END_OF_LOG, _LINES_OF_LOG = 16 * 1024, 40
_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH", re.IGNORECASE)
_SHORTEST_SECRET = 6
# More than the imports of a conversion make.
_OBJECTS = 200_000
_PASSWORD = re.compile(r"(\w://)[^/\s@]+@")


def main() -> int:
    """Run the command that ``sys.argv`` names; its exit status."""
    # Imports make many objects and no garbage, and looking for that takes a tenth of their time.
    gc.set_threshold(_OBJECTS)
    for number in _INTERRUPTS:
        # A shell has what it runs in the background ignore ^C.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        # A name may have letters that the terminal does not have.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    started = time.time()
    try:
        return _run()
    except PinliteError as error:
        named = error.logs is None or str(error.logs) in error.hint
        _explain(str(error), error.hint, "" if named else f"the logs of the run are in {error.logs}")
        if not error.is_printed:
            _print_json(error.code, str(error), error.hint, error.exit_status)
        return error.exit_status
    except KeyboardInterrupt:
        _explain("interrupted", "")
        _print_json("interrupted", "interrupted", "", _INTERRUPTED)
        return _INTERRUPTED
    except SystemExit:
        # Typer's word for a reader of the output who has gone, and for a completed completion.
        return 0
    except Exception as error:  # noqa: BLE001  # the last resort: a bug becomes a report
        message, hint = (
            f"a bug in pinlite: {type(error).__name__}: {error}",
            f"please report it with {_bug_report(started)}",
        )
        _explain(message, hint)
        _print_json("bug", message, hint, _BUG)
        return _BUG
    finally:
        # The process is about to end: Python would look for garbage in all that it has once more.
        gc.freeze()


def _run() -> int:
    """The command, from the store where it was given before; a UsageError where pinlite's own folder can't be used."""
    system.check()
    from pinlite.cli.again import again

    try:
        return 0 if again(sys.argv[1:]) else _command()
    except OSError as error:
        if error.filename is None and error.errno in system.FULL:
            raise UsageError(
                f"there is no room for what the command writes: {error.strerror}",
                hint="make room where standard output goes, and for temporary files",
            ) from error
        from pinlite.machine import folders

        own = os.path.realpath(str(error.filename)).startswith(os.path.realpath(folders.cache()))
        if own and error.errno in _UNUSABLE:
            raise UsageError(
                f"{error.filename} can't be used: {error.strerror}",
                hint="PINLITE_CACHE=FOLDER moves what pinlite keeps",
            ) from error
        raise


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
            hint = f"{context.command_path if context else 'pinlite'} --help has all options"
            _explain(message, hint)
            _print_json(UsageError.code, message, hint, error.exit_code)
        return error.exit_code
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _INTERRUPTS:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, _leave)
    raise KeyboardInterrupt


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Wait for nothing: what ends the workers may itself hang."""
    os.write(2, b"error: interrupted again: pinlite clean removes what is left\n")
    os._exit(_INTERRUPTED)


def _explain(message: str, hint: str, note: str = "") -> None:
    from rich.text import Text

    from pinlite.cli import ci
    from pinlite.ui.console import SafeConsole, indented

    ci.annotate("error", f"{message}\n{hint}".strip())
    console = SafeConsole(stderr=True, soft_wrap=True)
    console.print(Text("error: ", style="bold red") + Text(indented(message)))
    if hint:
        console.print(Text("hint: ", style="bold cyan") + Text(indented(hint)))
    if note:
        console.print(Text("note: ", style="yellow") + Text(note))


def _print_json(code: str, message: str, hint: str, status: int) -> None:
    """The error on standard output, where --json asks for it."""
    if "--json" in sys.argv:
        from pinlite.ui.console import as_json

        with contextlib.suppress(OSError):  # who reads it may have gone
            sys.stdout.write(as_json({"error": {"code": code, "message": message, "hint": hint, "status": status}}))


def _bug_report(since: float) -> str:
    """Write what a maintainer needs, of a command that began at ``since`` (seconds since 1970); where it is."""
    import platform
    import shlex
    import tempfile
    import traceback
    from pathlib import Path

    import pinlite
    from pinlite.machine import folders, logs

    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    ends = []
    for log in logs.last(since):
        with contextlib.suppress(OSError):
            lines = log.read_bytes()[-_END_OF_LOG:].decode(errors="replace").splitlines()[-_LINES_OF_LOG:]
            ends.append("\n".join([f"the end of {log.name}:", *(f"  {line}" for line in lines)]))
    parts = (
        f"pinlite {pinlite.__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {shlex.join(['pinlite', *sys.argv[1:]])}",
        traceback.format_exc(),
        *ends,
    )
    text = _without_secrets("\n".join(parts) + "\n")
    try:
        folders.logs().mkdir(parents=True, exist_ok=True)
        report = folders.logs() / name
        report.write_text(text, errors="backslashreplace")
    except OSError:
        report = Path(tempfile.gettempdir(), name)
        report.write_text(text, errors="backslashreplace")
    return str(report)


def _without_secrets(text: str) -> str:
    """The text without what the environment keeps under a secret's name, and without the passwords of addresses."""
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"${name}")
    return _PASSWORD.sub(r"\1...@", text)
