"""The ``nhwc`` lowering: ONNX to one frozen graph, laid out channels-last.

`lowering` has its steps: `onnx_rewrites`, `tf_graph` with a handler for each ONNX operator (`handlers`, a module for
each family), `layout` with `groups` and `graph_def_rewrites`. It is in the image of onnx-tf 1.7.0 on TensorFlow 2.4.1
alone, and imports these, onnx, numpy, `stagekit` and `onnx_translate`.
"""
