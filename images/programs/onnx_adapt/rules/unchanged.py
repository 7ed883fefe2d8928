"""Operators of which newer opsets say no more than what 13 does, of more data types, or in an attribute's default."""

# By the newest version that was looked at.
_UP_TO = {
    14: "Add CumSum Div Mul Sub",
    15: "Pow",
    16: "GreaterOrEqual LeakyRelu LessOrEqual PRelu",
    19: "Equal",
    20: "IsInf IsNaN",
    22: "Acos Acosh Asin Asinh Atan Atanh Conv ConvTranspose Cos Cosh Det Dropout Elu EyeLike GlobalAveragePool "
    "GlobalLpPool GlobalMaxPool HardSigmoid InstanceNormalization LpNormalization MaxPool MaxRoiPool MaxUnpool "
    "Multinomial NegativeLogLikelihoodLoss RandomNormal RandomNormalLike RandomUniform RandomUniformLike Round Selu "
    "Sin Sinh Softplus Softsign Tan ThresholdedRelu",
    24: "SplitToSequence TopK",
    25: "ConstantOfShape Flatten If Loop Scan Size Squeeze Transpose Unsqueeze",
    28: "Compress DepthToSpace Einsum OneHot ReverseSequence Unique",
}
UNCHANGED = {op_type: version for version, op_types in _UP_TO.items() for op_type in op_types.split()}
