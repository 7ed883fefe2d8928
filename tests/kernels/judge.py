"""Write the forms of operators, or hold what a runtime made of them to real numbers.

``write`` makes the .npz that in_runtime.py reads. ``judge`` reads what that has printed, and prints JSON: for each form
{name, operator, type, state, steps, allowed, share, message}; the operator as an audit names it. The state is "right",
"off", "refused" by the runtime, "unchecked", or "ended" where the runtime's process has ended.
"""

import argparse
import base64
import fnmatch
import json
import sys
import tempfile
from pathlib import Path

import forms
import numpy as np

from tflite_run import parts
from tflite_run.audit import alone, kernel_options

# In steps: what rounding of activations may cost.
ROUNDED = 4


def chosen(patterns):
    return [form for form in forms.all_forms() if any(fnmatch.fnmatchcase(form.name, each) for each in patterns)]


def write(file, patterns):
    arrays = {}
    for number, form in enumerate(chosen(patterns)):
        arrays[f"{number}.file"] = np.frombuffer(form.content, np.uint8)
        arrays[f"{number}.inputs"] = np.array(len(form.samples))
        arrays.update({f"{number}.{at}": sample for at, sample in enumerate(form.samples)})
        arrays["count"] = np.array(number + 1)
    np.savez(file, **arrays)


def judged(form, line):
    """What came of a form, of which a runtime has printed the line."""
    graph = _graph(form.content)
    operator = " ".join([form.kind, *kernel_options.words(graph, graph.operators[0])])
    found = {"name": form.name, "operator": operator, "type": form.type, "steps": 0, "allowed": 0, "share": 0.0}
    found["message"] = line.get("refused", "")
    if "outputs" not in line:
        return dict(found, state="refused" if "refused" in line else "ended")
    if form.type == "float32":
        return dict(found, **_in_floats(form, graph, line["outputs"]))
    values = dict(zip(graph.inputs, form.samples, strict=True))
    for place, encoded in zip(graph.outputs, line["outputs"], strict=True):
        tensor = graph.tensors[place]
        values[place] = np.frombuffer(base64.b64decode(encoded), tensor.dtype).reshape(tensor.shape)
    for place, tensor in enumerate(graph.tensors):
        if tensor.constant.data.size:
            values[place] = np.frombuffer(tensor.constant.data.tobytes(), tensor.dtype).reshape(tensor.shape)
    computed = alone.Computed([], [], [], [])
    alone.check(graph, 0, values.__getitem__, computed)
    if not computed.checked:
        return dict(found, state="unchecked")
    if not computed.off:
        return dict(found, state="right")
    worst = max(computed.off, key=lambda each: each.steps)
    state = "off" if worst.steps > worst.allowed else "right"
    return dict(found, state=state, steps=worst.steps, allowed=worst.allowed, share=worst.share)


def _in_floats(form, graph, encoded):
    """What is off where weights alone are integers: the kernel rounds activations to 8 bits, so that a step is 1/255 of
    what comes out.
    """
    steps, differ = 0.0, 0.0
    tensors = [graph.tensors[place] for place in graph.outputs]
    for tensor, wanted, each in zip(tensors, form.wanted, encoded, strict=True):
        got = np.frombuffer(base64.b64decode(each), tensor.dtype).reshape(tensor.shape)
        off = np.abs(got - wanted) / np.ptp(wanted) * 255
        steps, differ = max(steps, float(off.max())), max(differ, float(np.mean(off > ROUNDED)))
    state = "off" if steps > ROUNDED else "right"
    return {"state": state, "steps": round(steps), "allowed": ROUNDED, "share": differ}


def _graph(content):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "form.tflite")
        file.write_bytes(content)
        return parts.read(file).graphs[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("write", "judge"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="*", metavar="NAMES", help="patterns, with commas between")
    arguments = parser.parse_args()
    patterns = arguments.only.split(",")
    if arguments.task == "write":
        write(arguments.file, patterns)
        return
    lines = {}
    for text in arguments.file.read_text().splitlines():
        line = json.loads(text)
        lines[line["number"]] = line
    json.dump([judged(form, lines.get(number, {})) for number, form in enumerate(chosen(patterns))], sys.stdout)


if __name__ == "__main__":
    main()
