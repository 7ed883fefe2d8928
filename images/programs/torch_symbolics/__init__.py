"""What the exporter of torch 1.7.1 lacks.

It is ONNX for operators that it exports not at all, wrongly, or as what no runtime has (one module a family), shapes as
numbers, and TorchScript as any other model. An image of another torch is without this package: that exports by itself,
as `torch_export.unaided` has it.
"""
