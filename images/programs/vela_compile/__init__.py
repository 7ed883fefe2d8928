"""A .tflite file compiled for an NPU of Arm Ethos-U, and what of it stays on the processor beside it.

Program: ``vela``. It is in the image of Vela alone, and imports `stagekit` and what `tflite_run` reads of a file.
"""
