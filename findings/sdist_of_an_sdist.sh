#!/usr/bin/env bash
# hatchling 1.33.0 builds an sdist that holds PKG-INFO twice when it builds from an unpacked sdist.
#
# Versions: hatchling 1.33.0 (CPython 3.11).
# An sdist has a PKG-INFO at its top. Built again from what it unpacks to, it should be the same file: hatchling's builds
# are reproducible. But PKG-INFO is also one of the files that lie there, so it is taken as one of the project's, and
# the one that hatchling writes itself comes beside it. The wheel is the same.
#
# Seen: one PKG-INFO in the first sdist, two in the second; one with `exclude = ["/PKG-INFO"]` for the sdist, and then
# the same bytes.
#
# PYTHON names the interpreter, a CPython 3.11. Takes a few seconds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check hatchling==1.33.0

# build EXCLUDED: how many PKG-INFO two sdists have, the second built from the first, and whether they are equal.
build() {
  rm -rf "$folder/one" "$folder/first" "$folder/second" && mkdir -p "$folder/one/src/one"
  touch "$folder/one/src/one/__init__.py"
  cat >"$folder/one/pyproject.toml" <<TOML
[build-system]
requires = ["hatchling==1.33.0"]
build-backend = "hatchling.build"

[project]
name = "one"
version = "1.0"

[tool.hatch.build.targets.wheel]
packages = ["src/one"]

[tool.hatch.build.targets.sdist]
exclude = [$1]
TOML
  (cd "$folder/one" && "$folder/venv/bin/hatchling" build -t sdist -d "$folder/first" >/dev/null 2>&1)
  tar -xzf "$folder/first/one-1.0.tar.gz" -C "$folder/first"
  (cd "$folder/first/one-1.0" && "$folder/venv/bin/hatchling" build -t sdist -d "$folder/second" >/dev/null 2>&1)
  for made in first second; do
    tar -tzf "$folder/$made/one-1.0.tar.gz" | grep -c PKG-INFO
  done
  cmp -s "$folder/first/one-1.0.tar.gz" "$folder/second/one-1.0.tar.gz" && echo equal || echo different
}

seen="$(build '' | paste -sd' '); $(build '"/PKG-INFO"' | paste -sd' ')"
echo "$seen"
[ "$seen" = "1 2 different; 1 1 equal" ] || { echo "this has changed" >&2; exit 1; }
