"""The differences of two .tflite files: which operators and tensors belong together (`pairing`), how these differ
(`graphs`, `files`, `weights`), and how far the files are apart (`distance`).
"""

from .operation import diff

__all__ = ["diff"]
