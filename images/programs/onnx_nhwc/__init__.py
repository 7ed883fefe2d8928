"""The ``nhwc`` lowering, by onnx-tf 1.7.0 on TensorFlow 2.4.1: an image of other versions is without this package."""
