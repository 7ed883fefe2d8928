"""An ONNX model of any opset, run as it is and written at opset 13, which the stages after it read.

Program: ``adapt``. `opset_13` lists what happens to a model in its order; `rules` has how each operator of a newer
opset is said at 13, a file for each family. It is in the images of today's onnx and onnxruntime, and imports these,
onnx-ir, numpy and `stagekit`.
"""

import gc

from . import imported_when_needed  # noqa: F401 - before any module imports onnx and onnx-ir

# Nearly nothing of what modules and graphs allocate is garbage: to look for it as often as Python does takes a tenth of
# the time that a model of 10 MB does.
gc.set_threshold(100_000)
