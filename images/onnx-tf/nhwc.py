"""The ``nhwc`` lowering: one frozen graph without variables, laid out channels-last as TFLite wants it."""

import trace

import frozen
import layout
import onnx_model
import rewrites
from stagekit import layouts


def lower(model, samples, folder, nhwc_inputs=(), nhwc_outputs=(), *, select_tf=False):
    """Write the SavedModel to ``folder`` and run it.

    Dimensions that the model leaves open get the size that the samples have. ``nhwc_inputs`` and ``nhwc_outputs`` are
    the names of those that are to have their channels last; ``select_tf`` allows operators that TFLite has from
    TensorFlow only.

    Returns the inputs and the outputs as [{name, key, shape, dtype, layout}], whose shapes are those of the SavedModel,
    and the output arrays by ONNX name in PyTorch's layout.
    """
    specs = [dict(spec, shape=list(samples[spec["name"]].shape)) for spec in onnx_model.inputs(model, samples)]
    rewrites.rewrite(model, {spec["name"]: spec["shape"] for spec in specs})
    graph, inputs, outputs = trace.trace(model, specs, nhwc_inputs, nhwc_outputs, select_tf=select_tf)
    meta_graph = layout.channels_last(
        frozen.meta_graph(graph, inputs, outputs),
        [tensor.op.name for tensor in inputs.values()],
        [tensor.op.name for tensor in outputs.values()],
    )
    frozen.write(meta_graph, folder)
    fed, made = _listed(inputs, nhwc_inputs), _listed(outputs, nhwc_outputs)
    found = layouts.read(frozen.run(meta_graph, layouts.fed(samples, fed)), made)
    return fed, made, {name: found[name] for name in outputs}


def _listed(tensors, nhwc):
    return [
        {
            "name": name,
            "key": name,
            "shape": tensor.shape.as_list(),
            "dtype": tensor.dtype.name,
            "layout": layouts.NHWC if name in nhwc else layouts.NCHW,
        }
        for name, tensor in tensors.items()
    ]
