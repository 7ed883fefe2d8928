"""An ONNX model to a TensorFlow SavedModel, by one of the lowerings.

Program: ``translate``. It is in the images of onnx-tf, and imports onnx, onnx-tf, TensorFlow, numpy and `stagekit`;
`onnx_nhwc`, by name, where the image carries that.
"""

from stagekit import tensorflow_imports

tensorflow_imports.defer_unused()
