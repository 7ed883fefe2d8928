"""Two .tflite files told apart: what they are made of (`parts`), what of it belongs together (`pairing`), in what that
differs (`graphs`, `files`, `weights`), and by how much (`distance`).
"""

from .operation import diff

__all__ = ["diff"]
