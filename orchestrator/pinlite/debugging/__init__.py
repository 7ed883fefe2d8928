"""Where the error of a finished conversion comes from: ``debug`` gets the tensors of each runtime, and ``layer_errors``
pairs and ranks them by layer.

May import `pinlite.runner`, `pinlite.parity`, `pinlite.stages`, and what these may import.
"""
