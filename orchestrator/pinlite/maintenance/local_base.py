"""The local bases, made from Debian's packages where no registry can be reached."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from pinlite.engine.docker import DockerEngine
from pinlite.errors import ImageError, UsageError
from pinlite.machine import emulation, folders, temporary
from pinlite.toolchain import Base, bases


def build(name: str = "") -> list[Base]:
    """Those that toolchains stand on, or the one of a ``name``, built where they are not of today's recipe; the script
    that does it says on standard error what it does.

    Raises:
        UsageError: There is no base of the name.
        NoEngineError: No Docker engine answers, or this machine does not run programs for a base's processor.
        ImageError: They can't be built; the script has said why.
    """
    known = bases.load()
    if name and name not in known:
        raise UsageError(f"there is no base {name!r}", hint=f"there are {', '.join(known)}")
    chosen = [known[name]] if name else [base for base in known.values() if base.is_usual]
    DockerEngine()
    for base in chosen:
        emulation.check(base.platform)
    if not shutil.which("docker"):
        raise ImageError(
            "the docker command is missing, which imports a base", hint="install it: apt-get install docker-cli"
        )
    with temporary.folder() as folder:
        # The script asks `python` for the recipes, which is to be the one that pinlite is installed in.
        python = Path(folder, "python")
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        path = os.pathsep.join((folder, str(Path(find_uv_bin()).parent), os.environ.get("PATH", os.defpath)))
        script = subprocess.Popen(
            ["/bin/bash", folders.IMAGES / bases.SCRIPT, *(base.name for base in chosen)],
            env=os.environ | {"PATH": path},
            stdout=2,
        )
        try:
            status = script.wait()
        except KeyboardInterrupt:
            # It has mounts to undo.
            script.terminate()
            script.wait()
            raise
    if status:
        raise ImageError("the local bases can't be built", hint="the lines above say why, and what to do")
    return chosen
