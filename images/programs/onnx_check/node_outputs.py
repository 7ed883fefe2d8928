"""Everything that a model computes on its way from inputs to outputs."""

import tempfile
from pathlib import Path

import onnx

from stagekit import StageError, scopes

from . import model_file, onnxruntime_session, simplify

INPUT = "Input"


def computed(file, samples):
    """The nodes of a model's simplified form, which is what translate is given, and the floats among their outputs.

    Returns [{name, operator, inputs, outputs}], in an order of computing: ``name`` is the scope that TensorFlow's graph
    has for the node, inputs and outputs are ONNX's names; each input of the model stands as a node of its own. And
    arrays by ONNX's names. A StageError of kind ``usage`` says that there are none.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "simplified.onnx")
        simplify.simplified(file, samples, path)
        simplified = model_file.read(path)
    graph = simplified.graph
    known = set(model_file.outputs(simplified))
    nodes = [
        {"name": scopes.allowed(name), "operator": INPUT, "inputs": [], "outputs": [name]} for name in sorted(samples)
    ]
    for node in graph.node:
        outputs = [name for name in node.output if name]
        nodes.append(
            {"name": scopes.of_node(node), "operator": node.op_type, "inputs": list(node.input), "outputs": outputs}
        )
        # onnxruntime finds out the types.
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs if name not in known)
    found = dict(samples, **onnxruntime_session.run(onnxruntime_session.session(simplified), samples))
    floats = {name: array for name, array in found.items() if array.dtype.kind == "f"}
    if not floats:
        raise StageError("usage", "the model computes no floats, which alone can drift", "compare its outputs instead")
    return nodes, floats
