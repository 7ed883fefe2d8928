"""One conversion: its stages in their order, calibration samples, scores, results, and the way from a recipe to the
output folder (``pipeline``); the same conversion once more (``reproduction``), and by every toolchain (``matching``).

May import every room below the command line.
"""
