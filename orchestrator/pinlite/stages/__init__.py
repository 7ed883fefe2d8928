"""Inputs, outputs and results of each stage, a file each. They meet their programs in ``images/`` through the contract
alone.

May import `pinlite.toolchain`, `pinlite.schema`, and what these may import.
"""
