#!/usr/bin/env bash
# LiteRT.js gives what lies in memory as the outputs of a file that it can't run, and takes no int8 in or out.
#
# Versions: @litertjs/core 2.5.3, the newest, in Debian's chromium 156 (WebAssembly, Linux x86-64).
# model.run() of a file with an operator that it lacks (a custom one here) ends well, with an array of the right shape
# and of anything; what failed is in the console alone ("ERROR: Encountered unresolved custom op"). Other runtimes refuse
# such a file when they allocate its tensors.
# A file whose input or output is int8 is loaded, and no Tensor can be made for it: of a page's arrays it knows those of
# float32, int32 and uint8.
#
# Seen: "custom: resolved, ERROR in the console", "int8: refused"
#
# PYTHON names the interpreter, a CPython 3.11; there have to be npm and chromium. Takes 10 seconds and 60 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet --disable-pip-version-check tflite==2.18.0 flatbuffers==25.12.19 'numpy<2'
npm install --prefix "$folder" --silent --ignore-scripts @litertjs/core@2.5.3 >/dev/null
cat >"$folder/page.html" <<'HTML'
<!DOCTYPE html>
<script type="importmap">{"imports": {
  "@litertjs/core": "./node_modules/@litertjs/core/dist/index.js",
  "@litertjs/wasm-utils": "./node_modules/@litertjs/wasm-utils/dist/index.js"
}}</script>
<script type="module">
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
const said = [];
console.error = (...words) => said.push(words.join(" "));
const ARRAYS = { custom: Float32Array, int8: Int8Array };
const found = {};
await loadLiteRt("node_modules/@litertjs/core/wasm/");
for (const name in ARRAYS) {
  said.length = 0;
  try {
    const model = await loadAndCompile(`${name}.tflite`, { accelerator: "wasm" });
    const [made] = await model.run([new Tensor(new ARRAYS[name](4), [1, 4])]);
    made.toTypedArray();
    found[name] = said.some((line) => line.includes("ERROR: ")) ? "resolved, ERROR in the console" : "resolved";
  } catch (error) {
    found[name] = "refused";
  }
}
fetch("found", { method: "POST", body: JSON.stringify(found) });
</script>
HTML
cat >"$folder/run.py" <<'PYTHON'
import functools
import json
import subprocess
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import flatbuffers
import numpy as np
import tflite


def vector(builder, start, offsets):
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def table(builder, name, **fields):
    getattr(tflite, f"{name}Start")(builder)
    for field, value in fields.items():
        getattr(tflite, f"{name}Add{field}")(builder, value)
    return getattr(tflite, f"{name}End")(builder)


def model(kind, **code):
    """A file of one operator from x to y, 1x4 of a kind."""
    builder = flatbuffers.Builder(0)
    ints = lambda *numbers: builder.CreateNumpyVector(np.array(numbers, np.int32))
    strings = {key: builder.CreateString(text) for key, text in code.items() if isinstance(text, str)}
    codes = [table(builder, "OperatorCode", Version=1, **{**code, **strings})]
    named = [builder.CreateString(name) for name in "xy"]
    tensors = [table(builder, "Tensor", Name=name, Shape=ints(1, 4), Type=kind) for name in named]
    operators = [table(builder, "Operator", OpcodeIndex=0, Inputs=ints(0), Outputs=ints(1))]
    graph = table(
        builder,
        "SubGraph",
        Inputs=ints(0),
        Outputs=ints(1),
        Tensors=vector(builder, tflite.SubGraphStartTensorsVector, tensors),
        Operators=vector(builder, tflite.SubGraphStartOperatorsVector, operators),
    )
    buffers = vector(builder, tflite.ModelStartBuffersVector, [table(builder, "Buffer")])
    codes = vector(builder, tflite.ModelStartOperatorCodesVector, codes)
    graphs = vector(builder, tflite.ModelStartSubgraphsVector, [graph])
    builder.Finish(table(builder, "Model", Version=3, OperatorCodes=codes, Subgraphs=graphs, Buffers=buffers), b"TFL3")
    return bytes(builder.Output())



folder, builtin = Path(sys.argv[1]), tflite.BuiltinOperator
custom = {"DeprecatedBuiltinCode": builtin.CUSTOM, "BuiltinCode": builtin.CUSTOM, "CustomCode": "Strange"}
(folder / "custom.tflite").write_bytes(model(tflite.TensorType.FLOAT32, **custom))
relu = {"DeprecatedBuiltinCode": builtin.RELU, "BuiltinCode": builtin.RELU}
(folder / "int8.tflite").write_bytes(model(tflite.TensorType.INT8, **relu))
found = {}


class Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm", ".js": "text/javascript"}

    def do_POST(self):
        found.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder / 'profile'}"]
page = f"http://127.0.0.1:{server.server_port}/page.html"
with subprocess.Popen(["chromium", *flags, page], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
    while not found:
        server.handle_request()
    browser.kill()
for name, what in found.items():
    print(f"{name}: {what}")
assert found == {"custom": "resolved, ERROR in the console", "int8": "refused"}, "the behaviour has changed"
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
