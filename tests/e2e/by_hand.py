"""Run by the Python of an onnx-tf image: the old recipe, from an ONNX file to TFLite, as it was done by hand.

python by_hand.py MODEL.onnx CALIBRATION.npz FOLDER VARIANT...

Writes model.<variant>.tflite to the folder. Before TensorFlow 2.10 float32, dynamic and int8 alone come out the same
every time, and as pinlite makes them.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx_tf.backend import prepare

model, calibration, folder = map(Path, sys.argv[1:4])
prepare(onnx.load(str(model))).export_graph(str(folder / "saved_model"))


def samples():
    with np.load(calibration) as archive:
        (only,) = archive.values()
    return ([sample] for sample in only)


for variant in sys.argv[4:]:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant.startswith("int"):
        converter.representative_dataset = samples
    if variant == "int8-only":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if variant == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
    (folder / f"model.{variant}.tflite").write_bytes(converter.convert())
