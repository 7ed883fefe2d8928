"""Run inside the sandbox, by a model's code: tries what must not work, and prints how each attempt came out.

An attempt returns None when it succeeded, and raises OSError or returns why not when it was refused. None of them does
harm where it succeeds. ``TARGETS`` is written in front of this file: what of the host to aim at.
"""
# ruff: noqa: F821  # TARGETS is defined by then

import ctypes
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
SYSCALLS = {"add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "open_by_handle_at": 304}
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET = 0x10000000, 0x20000, 0x40000000
PTRACE_ATTACH = 16
PR_CAPBSET_READ, PR_SET_DUMPABLE = 23, 4
MOST_PROCESSES = 1100
ROLES = {"source", "functions", "samples", "labels", "evaluation", "data"}


def call(function, *arguments):
    """A function of C's: raises OSError as it says."""
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def syscall(name, *arguments):
    call(LIBC.syscall, SYSCALLS[name], *arguments)


def ipv4():
    socket.create_connection(("127.0.0.1", TARGETS["ipv4"]), 2)


def ipv6():
    socket.create_connection(("::1", TARGETS["ipv6"]), 2)


def udp():
    """Nobody answers: the test sees whether it came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", TARGETS["udp"]))
        sender.send(b"attack")
        sender.settimeout(0.2)
        sender.recv(1)


def dns():
    socket.getaddrinfo("localhost.localdomain.pinlite.test", 80)


def packets():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


def abstract_socket():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + TARGETS["abstract"])


def docker_socket():
    for path in ("/var/run/docker.sock", "/run/docker.sock"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def other_interfaces():
    names = {path.name for path in Path("/sys/class/net").iterdir()}
    return f"only {names}" if names == {"lo"} else None


def host_file():
    Path(TARGETS["secret"]).read_text()


def host_environment():
    environments = [_readable(path / "environ") for path in Path("/proc").glob("[0-9]*")]
    return None if TARGETS["word"].encode() in b"".join(environments) else f"not in {len(environments)}"


def _readable(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def host_processes():
    commands = [_readable(path / "cmdline") for path in Path("/proc").glob("[0-9]*")]
    strange = [command for command in commands if b"pytest" in command or b"dockerd" in command]
    return None if strange else f"{len(commands)} processes"


def other_inputs():
    """All that can be read below the mount is this request's own."""
    seen = {path.name.partition(".")[0] for path in Path("/in").glob("*/*")}
    strange = {name for name in seen - ROLES if not name.startswith("outputs_")}
    return None if strange or len(list(Path("/in").iterdir())) != 1 else f"only {sorted(seen)}"


def shadow():
    Path("/etc/shadow").read_text()


def by_handle():
    """How CAP_DAC_READ_SEARCH leads to every file of a disk."""
    syscall("open_by_handle_at", 3, ctypes.create_string_buffer(128), 0)


def write_root():
    Path("/escaped").touch()


def write_temporary():
    """Where anybody may write, were it not for the root that is read-only."""
    Path("/var/tmp/escaped").touch()


def write_inputs():
    Path("/in/poison").touch()


def write_programs():
    """What runs the program of the next stage, or of the next run."""
    with Path(os.environ["PYTHONPATH"].split(":")[0], "stagekit", "__main__.py").open("a"):
        pass


def write_packages():
    with Path(subprocess.__file__).open("a"):
        pass


def write_above():
    Path("/out/../escaped").touch()


def write_cgroup():
    for path in Path("/sys/fs/cgroup").glob("*/release_agent"):
        path.write_text("x")
    Path("/sys/fs/cgroup/pinlite").mkdir()


def write_sysctl():
    Path("/proc/sys/kernel/core_pattern").write_text("core")


def write_store():
    """What a later run, of another model, would take for its own."""
    (Path(TARGETS["cache"]) / "poison").touch()


def link_input():
    """A second name of what is not its own."""
    (source,) = list(Path("/in").glob("*/source*"))[:1] or [Path("/in")]
    file = next(path for path in [source, *source.rglob("*")] if path.is_file())
    os.link(str(file), "/out/linked")


def execute_scratch():
    program = Path("/tmp/program")
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    subprocess.run([str(program)], check=True)


def root():
    os.setuid(0)


def setuid_program():
    done = subprocess.run(["/bin/su", "-c", "true"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    return f"su: {done.stderr.decode().strip()}" if done.returncode else None


def capabilities():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = [name for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
    return "none" if not held and status["NoNewPrivs"].strip() == "1" else None


def mount():
    Path("/tmp/mounted").mkdir()
    call(LIBC.mount, b"none", b"/tmp/mounted", b"tmpfs", 0, None)


def remount():
    call(LIBC.mount, None, b"/", None, 32 | 4096, None)


def chroot():
    os.chroot("/tmp")


def device():
    os.mknod("/out/device", stat.S_IFCHR | 0o666, os.makedev(1, 1))


def trace():
    call(LIBC.ptrace, PTRACE_ATTACH, TARGETS["pid"], None, None)


def signal_host():
    os.kill(TARGETS["pid"], 0)


def keyring():
    syscall("add_key", b"user", b"pinlite", b"x", 1, -3)


def keys():
    syscall("keyctl", 0, -3, 0)


def user_namespace():
    call(LIBC.unshare, CLONE_NEWUSER)


def mount_namespace():
    call(LIBC.unshare, CLONE_NEWNS)


def network_namespace():
    call(LIBC.unshare, CLONE_NEWNET)


def bpf():
    syscall("bpf", 0, ctypes.create_string_buffer(64), 64)


def perf():
    syscall("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)


def host_name():
    socket.sethostname("pinlite")


def sparse():
    """More than any disk has."""
    with Path("/out/sparse").open("wb") as stream:
        os.truncate(stream.fileno(), 2**43)


def background():
    """Processes in sessions of their own, that hold every pipe: the test sees whether they stay."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            os.execv(sys.executable, ["python", "-c", "import time; time.sleep(3600)", TARGETS["word"]])
    return "left behind"


def fork():
    """Until that is refused."""
    children, why = [], None
    try:
        while len(children) < MOST_PROCESSES:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError as error:
        why = error.strerror
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return why


QUICK = (
    *(ipv4, ipv6, udp, dns, packets, abstract_socket, docker_socket, other_interfaces),
    *(host_file, host_environment, host_processes, other_inputs, shadow, by_handle),
    *(
        write_root,
        write_temporary,
        write_inputs,
        write_programs,
        write_packages,
        write_above,
        write_cgroup,
        write_sysctl,
        write_store,
    ),
    *(link_input, execute_scratch),
    *(root, setuid_program, capabilities, mount, remount, chroot, device, trace, signal_host, keyring, keys),
    *(user_namespace, mount_namespace, network_namespace, bpf, perf, host_name, sparse, background),
)


def report(who, attempts=QUICK):
    """One line each on standard error, which is the stage's log.

    Each in a process of its own: what it gains there harms no other, and threads keep none from a namespace.
    """
    for attempt in attempts:
        child = os.fork()
        if child == 0:
            outcome(who, attempt)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.stderr.write(f"ATTEMPT {who} {attempt.__name__} refused: it ended with {status}\n")


def outcome(who, attempt):
    try:
        why = attempt()
    except OSError as error:
        why = f"{type(error).__name__}: {error}"
    found = f"refused: {why}" if why else "SUCCEEDED"
    sys.stderr.write(f"ATTEMPT {who} {attempt.__name__} {found}\n")
    sys.stderr.flush()
