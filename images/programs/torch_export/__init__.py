"""A PyTorch model to ONNX, trained on the way if that is asked for, and samples from the user's files and functions.

Programs: ``export``, ``representative_dataset``, ``labelled_samples`` and ``metric``. It is in the images of torch, and
imports torch, torchvision, Pillow, numpy and `stagekit`; `torch_symbolics`, by name, where the image carries that.
"""
