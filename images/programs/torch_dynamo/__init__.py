"""How PyTorch of today exports: by torch.export, or by TorchScript's exporter, the older one, where that fails.

It is in the images of torches that have both, and imports torch, onnx_ir, `stagekit` and `torch_export`.
"""
