"""Where the error of a finished conversion comes from, layer by layer.

May import `pinlite.runner`, `pinlite.parity`, `pinlite.stages`, and what these may import.
"""
