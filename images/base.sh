#!/usr/bin/env bash
# Builds the local base: Debian's packages and a CPython 3.8 of this machine, for where no registry can be reached.
# Does nothing when one made from these same files is there. `make base` calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$PWD/../../.venv/bin:$PATH"

packages=ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libnsl2,libreadline8,libsqlite3-0
packages+=,libssl3,libtirpc3,libuuid1,netbase,tzdata,zlib1g
trusted=/etc/ssl/certs/ca-certificates.crt

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

# The prefix of a CPython 3.8 that starts: pyenv's, or uv's own. One in /usr could not be told from Debian's files.
python_prefix() {
  local python
  for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8.*/bin/python3.8 \
    "$(uv python find --managed-python 3.8 2>/dev/null)"; do
    if "$python" -c 'import ssl, sys; print(sys.base_prefix)' 2>/dev/null; then
      return
    fi
  done
  fail "there is no CPython 3.8 on this machine" "pyenv install 3.8.18, or uv python install 3.8"
}

# The lines of this machine's own apt sources for bookworm; none on another system, and mmdebstrap then knows its own.
apt_sources() {
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
    2>/dev/null | grep -E ' bookworm(-updates|-security)? ' | sort --unique || true
}

name=$(sed -n 's/^local = "\(.*\)"$/\1/p' base.toml)
identity=sha256:$(cat base.toml build.sh requirements.lock | sha256sum | cut -d ' ' -f 1)

command -v docker >/dev/null || fail "there is no docker command" "make engine installs Docker from Debian's packages"
docker version >/dev/null 2>&1 || fail "no Docker engine answers" "start one, or let make engine do it"
found=$(docker image inspect --format '{{index .Config.Labels "pinlite.base"}}' "$name" 2>/dev/null || true)
if [ "$found" = "$identity" ]; then
  echo "$name is up to date"
  exit 0
fi
command -v mmdebstrap >/dev/null || fail "there is no mmdebstrap" "apt-get install mmdebstrap"
prefix=$(python_prefix)
echo "building $name with the CPython of $prefix"

work=$(mktemp -d)
# mmdebstrap unmounts and removes what is its own when it is told to end, so it has to end first.
trap 'jobs -p | xargs --no-run-if-empty kill; wait; rm -rf "$work"' EXIT
cp requirements.lock "$work"
# Where the way out has a certificate of its own, pip needs it in the image builds too.
certificates=()
[ ! -d /usr/local/share/ca-certificates ] || certificates=(--directory /usr/local share/ca-certificates)
tar --create --file "$work/local.tar" --owner 0 --group 0 \
  --exclude __pycache__ --exclude test --exclude tests --exclude idle_test --exclude '*.a' --exclude 'site-packages/*' \
  --directory "$prefix" bin/python bin/python3 bin/python3.8 include lib "${certificates[@]}"
mapfile -t sources < <(apt_sources)
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --customize-hook="tar-in $work/local.tar /usr/local" \
  --customize-hook='chroot "$1" ldconfig' \
  --customize-hook='chroot "$1" update-ca-certificates' \
  --customize-hook="copy-in $work/requirements.lock /tmp" \
  --customize-hook='chroot "$1" /usr/local/bin/python3 -I -m ensurepip --default-pip' \
  --customize-hook="chroot \"\$1\" /usr/local/bin/python3 -I -m pip --isolated --cert $trusted --no-cache-dir \
    --disable-pip-version-check install --no-compile --require-hashes --requirement /tmp/requirements.lock" \
  --customize-hook='rm "$1/tmp/requirements.lock"' \
  bookworm "$work/base.tar" "${sources[@]}" >&2 &
wait $!
docker import \
  --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'ENV LANG=C.UTF-8' \
  --change "ENV PIP_CERT=$trusted" --change 'CMD ["python3"]' --change "LABEL pinlite.base=$identity" \
  "$work/base.tar" "$name" >/dev/null
echo "built $name"
