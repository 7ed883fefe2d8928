"""ONNX for operators that torch 1.7.1 exports not at all, wrongly, or as what no runtime has: one module a family."""
