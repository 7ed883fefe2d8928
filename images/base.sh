#!/usr/bin/env bash
# base.sh NAME...: builds local bases of bases.toml, for where no registry can be reached: Debian's packages and a CPython of
# this machine, or Debian's own where they have python3-venv. One that was made from the same row and files is left as it
# is. `make base` calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$PWD/../.venv/bin:$PATH"

trusted=/etc/ssl/certs/ca-certificates.crt

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

# A line a base: its name, version of Python, local name, identity, processor, Debian's suite, packages and browser.
rows() {
  python -c '
import sys
from pinlite.toolchain import bases
for name in sys.argv[1:]:
    base = bases.load()[name]
    arch = base.platform.removeprefix("linux/")
    packages = ",".join([*base.packages, *([base.browser] if base.browser else [])])
    print(base.name, base.python, base.local, base.local_identity, arch, base.debian, packages, base.browser)
' "$@"
}

# The prefix of a CPython that starts: pyenv's, or uv's own. One in /usr could not be told from Debian's files.
python_prefix() {
  local version=$1 python
  for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python"$version" \
    "$(uv python find --managed-python "$version" 2>/dev/null)"; do
    if "$python" -c 'import ssl, sys; print(sys.base_prefix)' 2>/dev/null; then
      return
    fi
  done
  fail "there is no CPython $version on this machine" "pyenv install $version, or uv python install $version"
}

# The lines of this machine's own apt sources for a suite; none on another system, and mmdebstrap then knows its own.
apt_sources() {
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
    2>/dev/null | grep -E " $1(-updates|-security)? " | sort --unique || true
}

# What `docker load` wants beside a layer. `docker import` takes every image for one of this machine's processor.
described() {
  python -c '
import hashlib, json, pathlib, sys
folder, trusted, architecture, name, identity, browser = sys.argv[1:]
with open(f"{folder}/layer.tar", "rb") as layer:
    content = hashlib.file_digest(layer, "sha256").hexdigest()
path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
config = {
    "architecture": architecture,
    "os": "linux",
    "config": {
        "Env": [f"PATH={path}", "LANG=C.UTF-8", f"PIP_CERT={trusted}"],
        "Cmd": ["python3"],
        "Labels": {"pinlite.base": identity, **({"pinlite.browser": browser} if browser else {})},
    },
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{content}"]},
}
manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
for file, said in (("config.json", config), ("manifest.json", manifest)):
    pathlib.Path(folder, file).write_text(json.dumps(said))
' "$work" "$trusted" "$@"
}

build() {
  local base=$1 version=$2 name=$3 identity=$4 arch=$5 debian=$6 packages=$7 browser=$8
  local prefix certificates=() sources hooks=() showing=()
  cp "pins/$base/requirements.lock" "$work"
  # Where the way out has a certificate of its own, pip needs it in the image builds too.
  [ ! -d /usr/local/share/ca-certificates ] || certificates=(--directory /usr/local share/ca-certificates)
  case ",$packages," in
    *,python3-venv,*)
      echo "building $name with the CPython of Debian's $debian"
      tar --create --file "$work/local.tar" --owner 0 --group 0 --files-from /dev/null "${certificates[@]}"
      # In the place that the public image has it in, and as free of Debian's own packages.
      hooks=(--customize-hook='chroot "$1" /usr/bin/python3 -I -m venv /usr/local')
      ;;
    *)
      prefix=$(python_prefix "$version")
      echo "building $name with the CPython of $prefix"
      tar --create --file "$work/local.tar" --owner 0 --group 0 \
        --exclude __pycache__ --exclude test --exclude tests --exclude idle_test --exclude '*.a' \
        --exclude 'site-packages/*' \
        --directory "$prefix" bin/python bin/python3 "bin/python$version" include lib "${certificates[@]}"
      hooks=(--customize-hook='chroot "$1" ldconfig'
        --customize-hook='chroot "$1" /usr/local/bin/python3 -I -m ensurepip --default-pip')
      ;;
  esac
  : >"$work/browser"
  if [ -n "$browser" ]; then
    showing=(--customize-hook="dpkg-query --admindir \"\$1/var/lib/dpkg\" --showformat '\${Version}' --show $browser >$work/browser")
  fi
  mapfile -t sources < <(apt_sources "$debian")
  # Who calls has seen that programs for $arch run here; mmdebstrap wants a package more to see it.
  mmdebstrap --quiet --variant=minbase --architectures="$arch" --skip=check/qemu --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook="tar-in $work/local.tar /usr/local" \
    --customize-hook='chroot "$1" update-ca-certificates' \
    --customize-hook="copy-in $work/requirements.lock /tmp" \
    "${hooks[@]}" \
    --customize-hook="chroot \"\$1\" /usr/local/bin/python3 -I -m pip --isolated --cert $trusted --no-cache-dir \
      --disable-pip-version-check install --no-compile --require-hashes --requirement /tmp/requirements.lock" \
    --customize-hook='rm "$1/tmp/requirements.lock"' "${showing[@]}" \
    "$debian" "$work/layer.tar" "${sources[@]}" >&2 &
  wait $!
  described "$arch" "$name" "$identity" "$(cat "$work/browser")"
  tar --create --directory "$work" manifest.json config.json layer.tar | docker load --quiet >/dev/null
  echo "built $name"
}

command -v docker >/dev/null || fail "there is no docker command" "make engine installs Docker from Debian's packages"
docker version >/dev/null 2>&1 || fail "no Docker engine answers" "start one, or let make engine do it"
work=$(mktemp -d)
# mmdebstrap unmounts and removes what is its own when it is told to end, so it has to end first.
trap 'jobs -p | xargs --no-run-if-empty kill; wait; rm -rf "$work"' EXIT
found=$(rows "$@")
while read -r base version name identity arch debian packages browser; do
  made=$(docker image inspect --format '{{index .Config.Labels "pinlite.base"}}' "$name" 2>/dev/null || true)
  if [ "$made" = "$identity" ]; then
    echo "$name is up to date"
    continue
  fi
  command -v mmdebstrap >/dev/null || fail "there is no mmdebstrap" "apt-get install mmdebstrap"
  build "$base" "$version" "$name" "$identity" "$arch" "$debian" "$packages" "$browser"
done <<<"$found"
