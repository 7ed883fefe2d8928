"""A finished result in a registry: one artifact of all its files, and its documents beside it as referrers.

The artifact has everything, so that its digest stands for the whole result. The report, the provenance and the list of
packages are there a second time as manifests that refer to it, which is where other tools look for them; their bytes
are kept once. Importing this imports what asks registries, and what verifies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pinlite.errors import RegistryError, UsageError
from pinlite.machine import temporary
from pinlite.provenance import statement
from pinlite.provenance.verify import Verified, verify
from pinlite.registry import OCTETS, Descriptor, Manifest, Reference
from pinlite.registry.repository import Repository
from pinlite.store import output

ARTIFACT = "application/vnd.pinlite.result.v1"
# As ``oras pull`` has it.
_TITLE = "org.opencontainers.image.title"
_TAG = "latest"
_DOCUMENTS = {
    output.REPORT: "application/vnd.pinlite.report.v1+json",
    output.SBOM: "application/vnd.cyclonedx+json",
    output.PROVENANCE: statement.MEDIA_TYPE,
    output.SIGNATURE: "application/vnd.dsse.envelope.v1+json",
}
_LIES = "it, or a proxy before it, serves something else: nothing of it is kept"


@dataclass(frozen=True)
class Published:
    """A result in a registry and in a ``folder`` here: ``reference`` has its digest, and the tag if there was one.
    ``keys`` are the files of those keys of which one had to have signed it.
    """

    reference: Reference
    folder: Path
    verified: Verified
    keys: tuple[Path, ...] = ()


def push(folder: Path, to: Reference) -> Published:
    """Have a result in a registry, by a tag, which is "latest" where none is given.

    Raises:
        TamperedError, UsageError: The folder is not what a conversion left there.
        RegistryError: The registry is away, or refuses.
    """
    if to.digest:
        raise UsageError(f"{to}: what is pushed has the digest that it has", hint="give a tag, or none")
    verified = verify(folder)
    repository = Repository(to)
    layers = {name: _descriptor(folder / name, name) for name in _files(folder)}
    for name, layer in layers.items():
        repository.push(folder / name, layer)
    manifest = Manifest(artifact_type=ARTIFACT, layers=tuple(layers.values()))
    tag = to.tag or _TAG
    pushed = repository.push_artifact(manifest, tag)
    for name, kind in _DOCUMENTS.items():
        if name in layers:
            repository.push_artifact(Manifest(artifact_type=kind, layers=(layers[name],), subject=pushed))
    return Published(replace(to, tag=tag, digest=pushed.digest), folder, verified)


def pull(reference: Reference, out: Path | None, *keys: Path) -> Published:
    """Write a result of a registry to ``out``, or to a folder of the repository's name in build; if it is whole, as it
    was made, and, where there are ``keys`` (files of ``--trust-key``), signed by one of them. Else nothing is written.

    Raises:
        TamperedError: It is not as its conversion left it, or no such key has signed it.
        UsageError: There is none, it is something else, or ``out`` can't be written.
        RegistryError: The registry is away, refuses, or serves something else than it says.
    """
    name = reference.digest or reference.tag or _TAG
    out = out or Path("build", reference.name.rpartition("/")[2])
    repository = Repository(reference)
    found = repository.artifact(name)
    if found is None:
        raise UsageError(f"there is no {_named(reference)}", hint="check its name and tag; pinlite push prints them")
    descriptor, manifest = found
    if manifest.artifact_type != ARTIFACT:
        raise UsageError(
            f"{_named(reference)} is no result of a conversion, but {manifest.artifact_type or manifest.media_type}",
            hint="give what `pinlite push` has printed",
        )
    whole = replace(reference, digest=descriptor.digest)
    with temporary.folder() as made:
        folder = Path(made, "result")
        folder.mkdir()
        for title, layer in _titled(manifest, whole).items():
            target = folder / title
            target.parent.mkdir(parents=True, exist_ok=True)
            if not repository.pull_file(layer, target):
                raise RegistryError(f"{whole.plain} lacks its {title}", hint="push it again")
        verified = verify(folder, *keys, option="--trust-key", called=str(whole))
        documents = {path.name: path for path in folder.iterdir() if path.name in output.DOCUMENTS}
        others = {path.name: path for path in folder.iterdir() if path.name not in documents}
        texts = {name: path.read_bytes().decode() for name, path in documents.items()}
        output.publish(output.copying(others), texts, out)
    return Published(whole, out, verified, keys)


def _files(folder: Path) -> Iterator[str]:
    """All files of a result, but those that were added to it, and of which nothing is on record."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in output.ADDED:
            yield name


def _descriptor(path: Path, name: str) -> Descriptor:
    return Descriptor.of(path, _DOCUMENTS.get(name, OCTETS), {_TITLE: name})


def _titled(manifest: Manifest, whole: Reference) -> Mapping[str, Descriptor]:
    """The files of an artifact by their path in the folder."""
    found: dict[str, Descriptor] = {}
    for layer in manifest.layers:
        title = layer.annotations.get(_TITLE, "")
        path = PurePosixPath(title)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in title or str(path) in found:
            raise RegistryError(f"{whole.plain} has a file that is called {title!r}", hint=_LIES)
        found[str(path)] = layer
    if any(str(parent) in found for path in found for parent in PurePosixPath(path).parents):
        raise RegistryError(f"{whole.plain} has a file that is a folder, too", hint=_LIES)
    return found


def _named(reference: Reference) -> str:
    return str(reference if reference.tag or reference.digest else reference.tagged(_TAG))
