"""An ONNX model checked, run, simplified and put in words.

Program: ``check``. It is in the images of onnx and onnxruntime, and imports these, numpy and `stagekit`.
"""
