"""A stage program that does whatever a test of an engine needs a program to do."""
# ruff: noqa: ARG001, T201  # operations have one signature; printing is what some of them are about

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from stagekit.errors import StageError

VERSIONS = ()

# Where stagekit keeps its copy of standard output: the first number that is free when it makes it.
CHANNEL = 3


def echo(request):
    return request.parameters


def copy(request):
    """Each input to the output of the same role."""
    for role, path in request.inputs.items():
        request.outputs[role].write_bytes(path.read_bytes())
    return {}


def make(request):
    """A folder that its owner alone may read, and a file in it."""
    folder = request.outputs["folder"]
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("made")
    (folder / "file").chmod(0o600)
    return {}


def noise(request):
    print("printed")
    print("said to standard error", file=sys.stderr)
    os.write(1, b"written to descriptor 1\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"put by C")
    libc.fflush(None)
    subprocess.run(["/bin/echo", "echoed by a child"], check=True)
    return {}


def noisy_end(request):
    """Much output, and an end right after it."""
    for number in range(20000):
        print("line", number)
    os._exit(7)


def refuse(request):
    raise StageError(request.parameters["kind"], "no such thing", "take another")


def fail(request):
    raise RuntimeError("on purpose")


def leave(request):
    print("last words")
    os._exit(request.parameters["status"])


def kill(request):
    os.kill(os.getpid(), request.parameters["signal"])


def hang(request):
    print("hanging")
    time.sleep(600)


def close(request):
    """Hang after closing everything."""
    os.closerange(0, 100)
    time.sleep(600)


def eat(request):
    """Allocate in steps, as C++ frameworks do: not what one large request would meet."""
    eaten = []
    while True:
        eaten.append(b"x" * 2**24)


def abort_out_of_memory(request):
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def leave_children(request):
    """Children that hold our pipes open: one in our session, one in its own; then end, if asked to."""
    for own_session in (False, True):
        subprocess.Popen(["/bin/sleep", "600"], start_new_session=own_session)
    if request.parameters.get("end"):
        os._exit(3)
    return {}


def speak(request):
    """Say something false on the channel, any number of times."""
    line = request.parameters["line"].encode() * request.parameters.get("times", 1)
    while line:
        line = line[os.write(CHANNEL, line) :]
    time.sleep(600)


def speak_later(request):
    """Answer, and say something after some seconds."""

    def speak():
        time.sleep(request.parameters["seconds"])
        os.write(CHANNEL, request.parameters["line"].encode())

    threading.Thread(target=speak, daemon=True).start()
    return {}


def keep(request):
    """Write files that stay."""
    for path in request.parameters["paths"]:
        Path(path).write_text("x")
    return {}


def identify(request):
    """Which process this is, and where its inputs are."""
    return {"process": os.getpid(), "inputs": {role: str(path) for role, path in request.inputs.items()}}


def status(request):
    """What the kernel says of this process, and what it runs beside."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "fields": {name: value.strip() for name, value in fields.items()},
        "init": Path("/proc/1/cmdline").read_text().split("\0")[0],
        "environment": dict(os.environ),
        "interfaces": _names("/sys/class/net"),
        "processes": sum(name.isdigit() for name in _names("/proc")),
        "memory_limit": _memory_limit(),
        "devices": _names("/dev"),
    }


def _names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def _memory_limit():
    """In bytes, as the second or the first version of cgroups tells it."""
    for path in map(Path, ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if path.exists():
            return int(path.read_text())
    return None


def connect(request):
    """Per address, None or why it can't be reached."""
    addresses = [tuple(address) for address in request.parameters["addresses"]]
    return {"{}:{}".format(*address): _error(socket.create_connection, address, 2) for address in addresses}


def resolve(request):
    return {"error": _error(socket.gethostbyname, request.parameters["name"])}


def write(request):
    """Per folder, None or why no file can be written there."""
    return {folder: _error(_write, Path(folder, "probe-was-here")) for folder in request.parameters["folders"]}


def _write(path):
    path.write_text("x")
    path.unlink()


def read(request):
    return {"text": Path(request.parameters["path"]).read_text()}


def exists(request):
    return {path: Path(path).exists() for path in request.parameters["paths"]}


def fork(request):
    """Fork until that is refused: how often it worked, and the refusal."""
    children = []
    error = None
    try:
        for _ in range(request.parameters["most"]):
            child = os.fork()
            if child == 0:
                time.sleep(600)
            children.append(child)
    except OSError as refused:
        error = refused.strerror
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"children": len(children), "error": error}


def fill(request):
    """Write to the scratch folder until it is full: the bytes that went in, and the refusal."""
    filling = Path("/tmp/filling")
    error = None
    try:
        with filling.open("wb", buffering=0) as stream:
            for _ in range(request.parameters["most"] // 2**20):
                stream.write(b"x" * 2**20)
    except OSError as refused:
        error = refused.strerror
    written = filling.stat().st_size
    filling.unlink()
    return {"written": written, "error": error}


def overfill(request):
    """Write a file that grows until that is refused, then answer: its size, and the refusal."""
    filling = request.outputs["file"]
    error = None
    try:
        with filling.open("wb", buffering=0) as stream:
            while True:
                stream.write(b"x" * 2**20)
    except OSError as refused:
        error = refused.strerror
    return {"written": filling.stat().st_size, "error": error}


def scatter(request):
    """Small files without end, each a step deeper if asked to."""
    os.chdir(str(request.outputs["file"].parent))
    for number in range(request.parameters["most"]):
        if request.parameters["deep"]:
            Path("d").mkdir()
            os.chdir("d")
        else:
            Path(str(number)).touch()
    time.sleep(600)


def sparse(request):
    """A file that claims to hold more than a disk does: the refusal."""
    with request.outputs["file"].open("wb") as stream:
        error = _error(os.truncate, stream.fileno(), 2**42)
        os.truncate(stream.fileno(), request.parameters["size"])
    time.sleep(600 if request.parameters["stay"] else 0)
    return {"error": error}


def chatter(request):
    """Print megabytes."""
    for _ in range(request.parameters["megabytes"]):
        os.write(2, b"blah bla" * 2**17)
    os.write(2, b"\nlast words\n")
    return {}


def _error(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return type(error).__name__ + ": " + str(error)
    return None


OPERATIONS = {
    function.__name__: function
    for function in (
        abort_out_of_memory,
        chatter,
        close,
        connect,
        copy,
        eat,
        echo,
        exists,
        fail,
        fill,
        fork,
        hang,
        identify,
        keep,
        kill,
        leave,
        leave_children,
        make,
        noise,
        noisy_end,
        overfill,
        read,
        refuse,
        resolve,
        scatter,
        sparse,
        speak,
        speak_later,
        status,
        write,
    )
}
