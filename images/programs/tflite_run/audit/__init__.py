"""What is wrong inside a .tflite file, whoever made it: rules that its parts have to follow (`tensors`, `graphs`,
`integers`, `shapes`, `signatures`), and each integer operator held to the real numbers that it stands for (`alone`).
"""

from .operation import audit

__all__ = ["audit"]
