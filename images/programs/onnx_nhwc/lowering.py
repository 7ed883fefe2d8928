"""The ``nhwc`` lowering: one frozen graph without variables, laid out channels-last as TFLite wants it."""

import gc
from typing import NamedTuple

from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

from onnx_translate import onnx_model
from stagekit import layouts

from . import dynamic_batch, frozen_graph, layout, onnx_rewrites, tf_graph


def lower(model, samples, folder, **settings):
    """Write the SavedModel to ``folder``.

    Dimensions that the model leaves open get the size that the samples have. ``settings`` are for `tf_graph.build`.

    Returns the inputs and the outputs as [{name, key, shape, dtype, layout}], whose shapes are those of the SavedModel.
    """
    lowered = _lowered(model, samples, **settings)
    frozen_graph.write(lowered.meta_graph, folder)
    return lowered.inputs, lowered.outputs


def lower_open(models, samples, sizes, folder, **settings):
    """Write a SavedModel with an open batch to ``folder``: None in the shapes of its inputs and outputs.

    ``models`` are one model for two batch ``sizes``, ``samples`` are of these sizes. Returns what `lower` does.
    """
    one, other = [_lowered(*pair, **settings) for pair in zip(models, samples)]
    meta_graph = dynamic_batch.opened(one.meta_graph, other.meta_graph, sizes)
    frozen_graph.write(meta_graph, folder)
    return tuple(
        [dict(spec, shape=dynamic_batch.common(spec["shape"], another["shape"])) for spec, another in zip(*specs)]
        for specs in ((one.inputs, other.inputs), (one.outputs, other.outputs))
    )


class Lowered(NamedTuple):
    """A MetaGraphDef; its inputs and outputs as [{name, key, shape, dtype, layout}], in ONNX's order."""

    meta_graph: MetaGraphDef
    inputs: list
    outputs: list


def _lowered(model, samples, **settings):
    specs = [dict(spec, shape=list(samples[spec["name"]].shape)) for spec in onnx_model.inputs(model, samples)]
    onnx_rewrites.rewrite(model, {spec["name"]: spec["shape"] for spec in specs})
    graph, inputs, outputs = tf_graph.build(model, specs, **settings)
    # The weights are in the graph now, and in the MetaGraphDef then: large ones should be in memory once.
    model.ClearField("graph")
    nhwc_inputs, nhwc_outputs = (settings.get(name, ()) for name in ("nhwc_inputs", "nhwc_outputs"))
    listed = _listed(inputs, nhwc_inputs), _listed(outputs, nhwc_outputs)
    names = [[tensor.op.name for tensor in side.values()] for side in (inputs, outputs)]
    meta_graph = frozen_graph.meta_graph(graph, inputs, outputs)
    del graph, inputs, outputs
    gc.collect()
    meta_graph = layout.channels_last(meta_graph, *names)
    frozen_graph.name_branches(meta_graph.graph_def)
    return Lowered(meta_graph, *listed)


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
