"""What is installed in the environment of the Python that runs this, as JSON on standard output.

It is given to an interpreter of the user's own on standard input, and imports the standard library alone. It says
``python`` and ``machine``, and of each distribution its name, ``version`` and ``content``, a digest that tells whether
two machines have the same; ``folders`` has those of further folders that modules are imported from: what a .pth file
adds, as older editable installs do.
"""

import hashlib
import json
import os
import platform
import site
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Files that say how and where something was installed, not what.
OF_AN_INSTALLATION = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


def main():
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name and name not in found:  # the first one on the path is imported
            folder = edited(distribution)
            lines = recorded(distribution) if folder is None else code_below(Path(folder))
            found[name] = {"version": distribution.version, "content": digest(lines)}
    said = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "machine": platform.machine(),
        "distributions": found,
        "folders": sorted(digest(code_below(Path(path))) for path in sys.path if is_elsewhere(path)),
    }
    json.dump(said, sys.stdout)


def recorded(distribution):
    """The lines of a distribution's list of files, with their hashes, that are the same on each machine."""
    lines = (distribution.read_text("RECORD") or "").splitlines()
    return sorted(line for line in lines if is_of_content(line))


def is_of_content(line):
    """Scripts outside of the folder of packages name the interpreter of this machine."""
    path = line.partition(",")[0].strip('"')
    return not (
        path.startswith(("../", "/"))
        or path.endswith(".pyc")
        or (".dist-info/" in path and path.rpartition("/")[2] in OF_AN_INSTALLATION)
    )


def edited(distribution):
    """The folder that an editable installation imports from; None for any other."""
    said = json.loads(distribution.read_text("direct_url.json") or "{}")
    return unquote(urlsplit(said["url"]).path) if said.get("dir_info", {}).get("editable") else None


def is_elsewhere(path):
    """Whether an entry of sys.path is neither Python's own, nor a folder of installed packages."""
    known = [sys.prefix, sys.base_prefix, sys.exec_prefix, sysconfig.get_path("stdlib"), site.getusersitepackages()]
    known += site.getsitepackages()
    is_known = any(path == each or path.startswith(each + os.sep) for each in known)
    return bool(path) and Path(path).is_dir() and not is_known


def code_below(folder):
    """The path and the digest of each file of Python in a folder; what is hidden, and other environments, left out."""
    for place, names, files in os.walk(str(folder)):
        names[:] = sorted(name for name in names if not is_left_out(Path(place, name)))
        for name in sorted(files):
            if name.endswith(".py"):
                path = Path(place, name)
                yield "{},{}".format(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())


def is_left_out(folder):
    return (
        folder.name.startswith(".")
        or folder.name in ("__pycache__", "node_modules")
        or (folder / "pyvenv.cfg").exists()
    )


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


if __name__ == "__main__":
    main()
