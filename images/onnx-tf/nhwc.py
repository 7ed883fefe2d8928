"""The ``nhwc`` lowering: one frozen graph without variables, laid out channels-last as TFLite wants it."""

import trace

import frozen
import layout
import onnx_model
import rewrites


def lower(model, samples, folder):
    """Write the SavedModel to ``folder`` and run it.

    Dimensions that the model leaves open get the size that the samples have.

    Returns the inputs and the outputs as [{name, key, shape, dtype}] and the output arrays by ONNX name.
    """
    specs = [dict(spec, shape=list(samples[spec["name"]].shape)) for spec in onnx_model.inputs(model, samples)]
    rewrites.rewrite(model, {spec["name"]: spec["shape"] for spec in specs})
    graph, inputs, outputs = trace.trace(model, specs)
    meta_graph = layout.channels_last(
        frozen.meta_graph(graph, inputs, outputs),
        [tensor.op.name for tensor in inputs.values()],
        [tensor.op.name for tensor in outputs.values()],
    )
    frozen.write(meta_graph, folder)
    found = frozen.run(meta_graph, samples)
    return _listed(inputs), _listed(outputs), {name: found[name] for name in outputs}


def _listed(tensors):
    return [
        {"name": name, "key": name, "shape": tensor.shape.as_list(), "dtype": tensor.dtype.name}
        for name, tensor in tensors.items()
    ]
