"""What is wrong inside a .tflite file, whoever made it: rules that its parts have to follow (`tensors`, `graph_order`,
`integer_operators`, `shapes`, `signatures`), and each integer operator held to the real numbers that it stands for
(`alone`).
"""

from .auditing import audit

__all__ = ["audit"]
