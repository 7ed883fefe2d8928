"""What importing TensorFlow takes half of its time for, and few stages use: all of its API, Keras, HDF5, downloads."""

import importlib
import os

from stagekit import deferred_imports, gathered_names

UNUSED = ("h5py", "requests", "tensorboard", "tensorflow.python.keras")
API = "tensorflow"
NAMES = (API, "tensorflow.python", "tensorflow._api*")
# TensorFlow's packages import each other in circles, which must begin where they do when all of it is imported.
FIRST = ("tensorflow.python.eager.context", "tensorflow.python.data", "tensorflow.python.distribute")


def defer_unused():
    """Before TensorFlow is imported."""
    deferred_imports.defer(*UNUSED)
    # Executed, the package would set it first: its modules then behave as those of TensorFlow 2.
    os.environ["TF2_BEHAVIOR"] = "1"
    gathered_names.import_by_name(*NAMES)
    for module in FIRST:
        importlib.import_module(module)


def finish():
    """Import what is left of TensorFlow's API, for others that use it."""
    gathered_names.execute(API)
