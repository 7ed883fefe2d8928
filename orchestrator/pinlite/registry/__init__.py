"""OCI registries, as teams have them for their images: `Repository` is one repository, `Reference` its name.

Credentials are those of ``docker login``, and certificates those that docker trusts. Nothing that a registry says is
believed: what comes is held to the digest and the size that were asked for. `Repository` is imported from its module,
for it imports oras, requests and docker's reading of credentials. May import machine, digest, errors.
"""

from pinlite.registry.manifest import EMPTY, INDEX, MANIFEST, OCTETS, Descriptor, Manifest
from pinlite.registry.reference import SCHEME, Reference

__all__ = ["EMPTY", "INDEX", "MANIFEST", "OCTETS", "SCHEME", "Descriptor", "Manifest", "Reference"]
