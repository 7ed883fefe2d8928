#!/usr/bin/env bash
# docker-py's APIClient sends attach_socket without the client's timeout: an engine that hangs holds the call forever.
#
# Versions: docker 7.1.0 and 7.2.0 (any CPython from 3.8 on).
# APIClient(timeout=7) sends its requests with a timeout of 7 seconds. attach_socket calls requests' post by itself, so
# that its request has none, and it takes no argument for one. pull has none on purpose. wait and build take one as an
# argument, whose default of None replaces the client's. The documentation of the client's timeout ("Default timeout for
# API calls, in seconds") names no exception.
#
# Seen with both versions, the timeout of each request: ping, version, containers, inspect_container, create_container,
# start, attach, logs, exec_create, kill, remove_container, images 7; attach_socket, build, pull, wait None.
#
# No engine is needed: an adapter of requests notes the timeout of each request, and refuses to send it.
# PYTHON names the interpreter. Takes a minute and 50 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/ask.py" <<'PYTHON'
import io
import sys

import docker
from requests.adapters import BaseAdapter

TIMEOUT = 7


class Noted(Exception):
    """The request that would have been sent has this timeout."""


class Notes(BaseAdapter):
    def send(self, request, timeout=None, **_):
        raise Noted(timeout)

    def close(self):
        pass


client = docker.APIClient(base_url="tcp://localhost:1", version="1.41", timeout=TIMEOUT)
client.mount("http://", Notes())
CALLS = {
    "ping": client.ping,
    "version": client.version,
    "containers": client.containers,
    "inspect_container": lambda: client.inspect_container("c"),
    "create_container": lambda: client.create_container("image"),
    "start": lambda: client.start("c"),
    "attach": lambda: client.attach("c", stream=True),
    "logs": lambda: client.logs("c"),
    "exec_create": lambda: client.exec_create("c", "true"),
    "kill": lambda: client.kill("c"),
    "remove_container": lambda: client.remove_container("c"),
    "images": client.images,
    "pull": lambda: client.pull("image", "tag"),
    "attach_socket": lambda: client.attach_socket("c"),
    "wait": lambda: client.wait("c"),
    "build": lambda: client.build(fileobj=io.BytesIO(b"FROM scratch")),
}
found = {}
for name, call in CALLS.items():
    try:
        call()
    except Noted as noted:
        (found[name],) = noted.args
print(docker.__version__, found)
without = sorted(name for name, timeout in found.items() if timeout is None)
assert without == ["attach_socket", "build", "pull", "wait"], without
assert all(timeout == TIMEOUT for name, timeout in found.items() if name not in without), found
assert client.timeout == TIMEOUT
PYTHON
for version in 7.1.0 7.2.0; do
  "${PYTHON:-python3}" -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --quiet --disable-pip-version-check docker==$version
  "$folder/$version/bin/python" "$folder/ask.py"
done
echo "as found: docker-py sends attach_socket (and build, pull, wait) without the client's timeout"
