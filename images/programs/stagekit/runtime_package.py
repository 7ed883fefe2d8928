"""A runtime's Python package: which one is installed, and how large it is."""

import re
from importlib import metadata

LIBRARY = re.compile(r"\.so(\.\d+)*$")


def installed(packages):
    """The packages that are installed, in the given order."""
    there = {found.metadata["Name"].lower().replace("_", "-") for found in metadata.distributions()}
    return [package for package in packages if package in there]


def measured(package):
    """The shared libraries that a Python package brings, as {package, version, libraries, size}: how many, and their
    bytes. What they need of the system is not counted.
    """
    files = [file.locate() for file in metadata.files(package) if LIBRARY.search(file.name)]
    size = sum(file.stat().st_size for file in files)
    return {"package": package, "version": metadata.version(package), "libraries": len(files), "size": size}
