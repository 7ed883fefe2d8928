"""The packages of a run's images, from their locks: a software bill of materials in CycloneDX 1.6.

https://cyclonedx.org/docs/1.6/json/. It has no time and no serial number: the same images give the same bytes.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pinlite import __version__
from pinlite.provenance.used import UsedBase, UsedImage
from pinlite.toolchain import npm

_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# How a lock lists the user's own wheels and folders.
_OWN = re.compile(r'^# sha256:(?P<digest>[0-9a-f]{64}) (?P<place>".*")$', re.MULTILINE)

Component = dict[str, Any]


def of(used: Sequence[UsedImage]) -> str:
    """The bill of all images.

    An image is a container that depends on its base, on CPython, and on its packages. A package's hashes are those of
    all files of its release that the lock allows, of which one was installed. A wheel or a folder of the user's is told
    by its files.
    """
    components: dict[str, Component] = {}
    dependencies: dict[str, set[str]] = {}
    for image in used:
        held = [*_below(image), *_packages(image.recipe.lock), *_of_npm(image.recipe.npm), *_own(image.recipe.lock)]
        top: Component = {
            "type": "container",
            "bom-ref": f"image/{image.recipe.name}",
            "name": f"pinlite/{image.recipe.name}",
            "version": image.identity[:16],
            "properties": [{"name": "pinlite:identity", "value": image.identity}],
        }
        for component in (top, *held):
            kept = components.setdefault(component["bom-ref"], component)
            if "hashes" in component:
                kept["hashes"] = _united(kept["hashes"], component["hashes"])
        dependencies[top["bom-ref"]] = {component["bom-ref"] for component in held}
    dependencies["pinlite"] = set(dependencies)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": "pinlite", "name": "pinlite", "version": __version__}
        },
        "components": [components[reference] for reference in sorted(components)],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(dependencies[reference])} for reference in sorted(dependencies)
        ],
    }
    return json.dumps(bill, indent=2) + "\n"


def purl(kind: str, name: str, version: str) -> str:
    """A package URL, https://github.com/package-url/purl-spec."""
    return f"pkg:{kind}/{quote(name)}@{quote(version, safe=':')}"


def purl_of_base(base: UsedBase) -> str:
    return purl("docker", base.reference.partition(":")[0], f"sha256:{base.sha256}")


def _below(image: UsedImage) -> list[Component]:
    """What the packages of an image stand on: an interpreter, and the image that this came in."""
    python = purl("generic", "cpython", image.python)
    interpreter = {
        "type": "platform",
        "bom-ref": python,
        "name": "cpython",
        "version": image.python,
        "purl": python,
    }
    held = [interpreter, *([_browser(image)] if image.browser else [])]
    base = image.base
    if base is None:
        return held
    name, _, version = base.reference.partition(":")
    component: Component = {"type": "container", "bom-ref": f"base/{base.name}", "name": name, "version": version}
    if base.public:
        component |= {"purl": purl_of_base(base), "hashes": _hashes([base.sha256])}
    else:
        component |= {"properties": [{"name": "pinlite:identity", "value": base.sha256}]}
    return [*held, component, *_packages(base.lock)]


def purl_of_browser(image: UsedImage) -> str:
    base = image.recipe.base
    return f"{purl('deb', f'debian/{base.browser}', image.browser)}?distro={base.debian}"


def _browser(image: UsedImage) -> Component:
    found = purl_of_browser(image)
    return {
        "type": "application",
        "bom-ref": found,
        "name": image.recipe.base.browser,
        "version": image.browser,
        "purl": found,
    }


def _of_npm(lock: bytes) -> list[Component]:
    """What a package-lock.json holds."""
    return [
        {
            "type": "library",
            "bom-ref": (reference := purl("npm", each.name, each.version)),
            "name": each.name,
            "version": each.version,
            "purl": reference,
            "hashes": [{"alg": "SHA-512", "content": base64.b64decode(each.integrity.partition("-")[2]).hex()}],
        }
        for each in npm.packages(lock).values()
    ]


def _packages(lock: bytes) -> list[Component]:
    """What a requirements.lock holds: lines of ``name==version``, each with those of its hashes behind it."""
    found: list[Component] = []
    for entry in re.split(r"\n(?=\S)", lock.decode()):
        if matched := _PACKAGE.match(entry):
            name = re.sub(r"[-_.]+", "-", matched["name"]).lower()
            reference = purl("pypi", name, matched["version"])
            found.append(
                {
                    "type": "library",
                    "bom-ref": reference,
                    "name": name,
                    "version": matched["version"],
                    "purl": reference,
                    "hashes": _hashes(_HASH.findall(entry)),
                }
            )
    return found


def _own(lock: bytes) -> list[Component]:
    return [
        {
            "type": "file",
            "bom-ref": f"with/{found['digest']}/{json.loads(found['place'])}",
            "name": json.loads(found["place"]),
            "hashes": _hashes([found["digest"]]),
        }
        for found in _OWN.finditer(lock.decode())
    ]


def _hashes(digests: Sequence[str]) -> list[Mapping[str, str]]:
    return [{"alg": "SHA-256", "content": content} for content in digests]


def _united(some: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    known = {(entry["alg"], entry["content"]) for entry in (*some, *others)}
    return [{"alg": algorithm, "content": content} for algorithm, content in sorted(known)]
