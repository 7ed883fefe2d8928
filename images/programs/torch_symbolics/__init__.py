"""What the exporter of torch 1.7.1 lacks: ONNX for operators that it does not export, or exports wrongly.

There is a module for each family of operators; others have shapes as numbers, and TorchScript as any other model. It
is in the image of torch 1.7.1 alone, and imports torch, `stagekit` and `torch_export`. An image of another torch
exports without it, as `torch_export.unaided` has it.
"""
