"""A SavedModel to .tflite files, and running both in TensorFlow.

Program: ``convert``. `variants` has the kinds of files, `conversion` what they have in common, `passes` what is set
right in the files themselves. It is in the images of TensorFlow, and imports TensorFlow, flatbuffers, numpy and
`stagekit`.
"""

from stagekit import tensorflow_imports

tensorflow_imports.defer_unused()
