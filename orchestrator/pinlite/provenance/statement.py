"""Where the files of a run come from: an in-toto Statement v1 with a predicate of SLSA Provenance v1.

https://in-toto.io/Statement/v1, https://slsa.dev/provenance/v1; ``docs/provenance.md`` says what is in it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pinlite import __version__, digest
from pinlite.provenance.resources import Resource
from pinlite.provenance.sbom import purl, purl_of_base, purl_of_browser
from pinlite.provenance.used import UsedImage
from pinlite.schema.recipe import Recipe
from pinlite.toolchain import npm

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
MEDIA_TYPE = "application/vnd.in-toto+json"
BUILD_TYPE = "urn:pinlite:convert:1"

# Of a recipe, what says where something lies on this machine, who signs, or what is stored where; and what it was made
# of, which the rest of it says.
_LEFT_OUT = {
    "out",
    "sign",
    "options",
    "cache",
    "refresh",
    "store",
    "images",
    "image_keys",
    "trust_keys",
    "signing_key",
    "toolchain_files",
}

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run; its times are of UTC."""

    id: str
    started: datetime
    finished: datetime


def of(
    subjects: Iterable[Resource],
    recipe: Recipe,
    materials: Iterable[Resource],
    *,
    engine: str,
    used: Sequence[UsedImage],
    run: Run,
    signers: Sequence[str] = (),
) -> str:
    """The statement about ``subjects``, as JSON. ``signers`` are the ids of keys whose word was taken for some of what
    was made: who trusts one of them no more finds here what rests on it.

    What differs between two equal runs is ``runDetails``, the digest of report.json, which has times in it, too, and
    Docker's IDs of images that were built anew.
    """
    return _json(
        {
            "_type": STATEMENT,
            "subject": [_descriptor(subject) for subject in sorted(subjects)],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": _parameters(recipe),
                    "internalParameters": {
                        "engine": engine,
                        "platform": _platform(used),
                        **({"signers": sorted(signers)} if signers else {}),
                    },
                    "resolvedDependencies": [
                        *_bases(used),
                        *_images(used),
                        *(_descriptor(material) for material in sorted(materials)),
                    ],
                },
                "runDetails": {
                    # What engine ran the stages decides how far they can be trusted.
                    "builder": {
                        "id": f"urn:pinlite:engine:{engine}",
                        "version": {"pinlite": __version__},
                    },
                    "metadata": {
                        "invocationId": run.id,
                        "startedOn": _time(run.started),
                        "finishedOn": _time(run.finished),
                    },
                },
            },
        }
    )


def _parameters(recipe: Recipe) -> dict[str, Any]:
    found: dict[str, Any] = _asked(recipe.model_dump(exclude={*_LEFT_OUT, "signatures"}))
    signatures = {name: _parameters(each) for name, each in recipe.signatures.items()}
    return found | ({"signatures": signatures} if signatures else {})


def _asked(value: Any, key: str = "") -> Any:
    """A recipe's values as JSON has them; of a path only its last part, which names the resource."""
    if isinstance(value, dict):
        return {name: _asked(inner, name) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_asked(inner) for inner in value]
    if isinstance(value, Path) or key == "text":
        return Path(value).name
    return value


def _descriptor(resource: Resource) -> Descriptor:
    return {"name": resource.name, "digest": {resource.algorithm: resource.digest}}


def _bases(used: Sequence[UsedImage]) -> Iterable[Descriptor]:
    by_name = {image.recipe.base.name: image for image in used}
    return [_base(name, by_name[name]) for name in sorted(by_name)]


def _base(name: str, image: UsedImage) -> Descriptor:
    found: Descriptor = {"name": f"base/{name}"}
    base = image.base
    if base is None:
        return found | {"uri": purl("generic", "cpython", image.python)}
    uri = purl_of_base(base) if base.public else f"urn:pinlite:base:{base.sha256}"
    return found | {"uri": uri, "digest": {"sha256": base.sha256}}


def _images(used: Sequence[UsedImage]) -> Iterable[Descriptor]:
    usual = _platform(used)
    for image in sorted(used, key=lambda image: image.recipe.name):
        name, platform = image.recipe.name, image.recipe.base.platform
        found = {"name": f"image/{name}", "uri": f"urn:pinlite:image:{name}", "digest": {"sha256": image.identity}}
        told = {
            "dockerImageId": image.id,
            "platform": platform if platform != usual else "",
            "emulator": image.emulator,
        }
        annotations = {name: value for name, value in told.items() if value}
        yield found | ({"annotations": annotations} if annotations else {})
        yield {"name": f"image/{name}/requirements.lock", "digest": {"sha256": digest.of_bytes(image.recipe.lock)}}
        if image.recipe.npm:
            lock = {"sha256": digest.of_bytes(image.recipe.npm)}
            yield {"name": f"image/{name}/{npm.LOCK}", "digest": lock}
        if image.browser:
            yield {"name": f"image/{name}/{image.recipe.base.browser}", "uri": purl_of_browser(image)}


def _platform(used: Sequence[UsedImage]) -> str:
    """That of the first image; another one's is told beside it."""
    return used[0].recipe.base.platform


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
