"""A .tflite file run by LiteRT.js, in a page of a headless chromium.

Program: ``web``. It is in the image of LiteRT.js alone, whose packages of npm lie beside the programs, and imports
numpy, `stagekit` and what `tflite_run` reads of a file.
"""
