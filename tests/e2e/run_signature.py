"""Run by the Python of the tflite image: what the only signature of a file gives of samples, by its own names.

python run_signature.py MODEL.tflite SAMPLES.npz OUTPUTS.npz
"""

import sys

import numpy as np
from tflite_runtime.interpreter import Interpreter

model, samples, outputs = sys.argv[1:]
with np.load(samples) as archive:
    found = Interpreter(model).get_signature_runner("serving_default")(**archive)
np.savez(outputs, **found)
