#!/usr/bin/env bash
# oras-py sends its requests without a timeout, and asks a registry that is away six times within two minutes.
#
# Versions: oras 0.2.42 and 0.2.43 with requests 2.32.5 (any CPython from 3.8 on).
# oras.provider.Registry sends every request by a session of requests without a timeout, and takes none as an argument:
# a registry that accepts a connection and says nothing holds the call forever. A connection that is refused, or a
# status 500, has each request sent again after 3, 5, 11, 29 and 83 seconds, 131 in all; neither number can be given.
# Uploads count among these, and an upload in one piece has read the whole file into memory.
#
# Seen with both versions: pauses of 3, 5, 11, 29, 83 s, six connections, each request's timeout None.
#
# No registry is needed: nothing listens at the port, and the pauses are noted, not waited for.
# PYTHON names the interpreter. Takes half a minute and 30 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/ask.py" <<'PYTHON'
import time

import oras.provider
import requests
from oras.version import __version__

pauses, timeouts = [], []
time.sleep = pauses.append
send = requests.adapters.HTTPAdapter.send


def noted(self, request, timeout=None, **options):
    timeouts.append(timeout)
    return send(self, request, timeout=timeout, **options)


requests.adapters.HTTPAdapter.send = noted
client = oras.provider.Registry(hostname="127.0.0.1:9", insecure=True)
try:
    client.get_tags("127.0.0.1:9/team/images")
except requests.exceptions.ConnectionError:
    pass
print(__version__, "pauses", pauses, "timeouts", timeouts)
assert pauses == [3, 5, 11, 29, 83], pauses
assert timeouts == [None] * 6, timeouts
PYTHON
for version in 0.2.42 0.2.43; do
  "${PYTHON:-python3}" -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --quiet --disable-pip-version-check oras==$version requests==2.32.5
  "$folder/$version/bin/python" "$folder/ask.py"
done
echo "as found: oras waits without end for an answer, and two minutes for a registry that is away"
