"""What importing TensorFlow takes a tenth of its time for, and no stage uses: HDF5, plots, downloads."""

from stagekit import deferred_imports


def defer_unused():
    """Before TensorFlow is imported. Its own packages import each other in circles, which must begin where they do."""
    deferred_imports.defer("h5py", "requests", "tensorboard")
