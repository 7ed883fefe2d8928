"""Run by the Python of an image with a runtime: what a signature of a file gives of samples, by its own names.

python run_signature.py MODEL.tflite SAMPLES.npz OUTPUTS.npz [KEY]
"""

import sys

import numpy as np

try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    from ai_edge_litert.interpreter import Interpreter

model, samples, outputs, *key = sys.argv[1:]
with np.load(samples) as archive:
    found = Interpreter(model).get_signature_runner(*key or ["serving_default"])(**archive)
np.savez(outputs, **found)
