"""TFLite metadata: what a file's inputs and outputs are, for a device's libraries that read it.

Program: ``metadata``. tflite-support, which defines the format, makes and reads it; `insertion` adds it to a file whose
bytes stay as they are. It is in the image of tflite-support alone, and imports that, flatbuffers, libusb-package,
numpy and `stagekit`.
"""

import ctypes

import libusb_package

# tflite-support is linked with libusb, which not every system has: once loaded, it is found by its name.
ctypes.CDLL(str(libusb_package.get_library_path()))
