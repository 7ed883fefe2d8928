"""A .tflite file run, timed, put in words, and told apart from another one.

Program: ``infer``. It is in the images of a TFLite runtime alone, and imports the runtime's interpreter, tflite (the
schema), numpy and `stagekit`.
"""
