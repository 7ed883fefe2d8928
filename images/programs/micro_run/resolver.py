"""The operators that TFLite Micro's interpreter of PyPI resolves, by the methods of its MicroMutableOpResolver."""

# As its python_ops_resolver.cc adds them: Add and the name. Operators of its own, of signals and the like, are none.
_METHODS = (
    *("Abs", "Add", "AddN", "ArgMax", "ArgMin", "AssignVariable", "AveragePool2D", "BatchMatMul", "BatchToSpaceNd"),
    *("BroadcastArgs", "BroadcastTo", "CallOnce", "Cast", "Ceil", "Concatenation", "Conv2D", "Cos", "CumSum"),
    *("DepthToSpace", "DepthwiseConv2D", "Dequantize", "Div", "DynamicUpdateSlice", "Elu", "EmbeddingLookup", "Equal"),
    *("Exp", "ExpandDims", "Fill", "Floor", "FloorDiv", "FloorMod", "FullyConnected", "Gather", "GatherNd", "Greater"),
    *("GreaterEqual", "HardSwish", "If", "L2Normalization", "L2Pool2D", "LeakyRelu", "Less", "LessEqual", "Log"),
    *("LogSoftmax", "LogicalAnd", "LogicalNot", "LogicalOr", "Logistic", "MaxPool2D", "Maximum", "Mean", "Minimum"),
    *("MirrorPad", "Mul", "Neg", "NotEqual", "Pack", "Pad", "PadV2", "Prelu", "Quantize", "ReadVariable", "ReduceAll"),
    *("ReduceMax", "ReduceMin", "Relu", "Relu6", "Reshape", "ResizeBilinear", "ResizeNearestNeighbor", "ReverseV2"),
    *("Round", "Rsqrt", "SelectV2", "Shape", "Sin", "Slice", "Softmax", "SpaceToBatchNd", "SpaceToDepth", "Split"),
    *("SplitV", "Sqrt", "Square", "SquaredDifference", "Squeeze", "StridedSlice", "Sub", "Sum", "Svdf", "Tanh"),
    *("Transpose", "TransposeConv", "UnidirectionalSequenceLSTM", "Unpack", "VarHandle", "While", "ZerosLike"),
)
_BY_LETTERS = {method.lower(): f"Add{method}" for method in _METHODS}


def methods(kinds):
    """What adds operators to a resolver, each once and sorted; None for one that it has no method for."""
    return sorted({_BY_LETTERS.get(kind.replace("_", "").lower()) for kind in kinds}, key=str)
