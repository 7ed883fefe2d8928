"""ONNX for operators that torch 1.7.1 exports in no way of its own: one module each, with a function ``register``."""
