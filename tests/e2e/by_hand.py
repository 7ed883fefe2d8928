"""Run by the Python of the onnx-tf image: the old recipe, from an ONNX file to TFLite, as it was done by hand.

python by_hand.py MODEL.onnx CALIBRATION.npz FOLDER

Writes model.<variant>.tflite to the folder, for the variants that come out the same every time.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx_tf.backend import prepare

model, calibration, folder = map(Path, sys.argv[1:])
prepare(onnx.load(str(model))).export_graph(str(folder / "saved_model"))


def samples():
    with np.load(calibration) as archive:
        (only,) = archive.values()
    return ([sample] for sample in only)


for variant, settings in (
    ("float32", {}),
    ("dynamic", {"optimizations": [tf.lite.Optimize.DEFAULT]}),
    ("int8", {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": samples}),
):
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    for name, value in settings.items():
        setattr(converter, name, value)
    (folder / f"model.{variant}.tflite").write_bytes(converter.convert())
