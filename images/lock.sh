#!/usr/bin/env bash
# Writes every requirements.lock anew from its requirements.in, with hashes. `make lock` calls it.
# What a lock has already stays as it is, as long as its requirements.in allows it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$PWD/../.venv/bin:$PATH"

lock() {
  local folder=$1
  shift
  (
    cd "$folder"
    # termcolor and wrapt of these versions exist as source only.
    uv pip compile --quiet --python-version 3.8 --python-platform x86_64-manylinux_2_28 \
      --only-binary :all: --no-binary termcolor --no-binary wrapt --generate-hashes \
      --no-annotate --custom-compile-command 'make lock' \
      --output-file requirements.lock "$@" requirements.in
  )
  echo "locked $folder"
}

lock base
lock torch
lock onnx
# Its setuptools and wheel stay those that the base has.
lock tensorflow --constraint ../base/requirements.lock
# onnx-tf is layered on tensorflow, so it has to agree with it.
lock onnx-tf --constraint ../tensorflow/requirements.lock
lock tflite
