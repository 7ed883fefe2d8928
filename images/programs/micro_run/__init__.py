"""A .tflite file run by the interpreter of microcontrollers, and the memory that it needs there.

Program: ``micro``. It is in the image of TFLite Micro alone, and imports its interpreter, numpy, `stagekit` and what
`tflite_run` reads of a file.
"""
