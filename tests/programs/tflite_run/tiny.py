"""Tiny .tflite files, built by the schema."""

import flatbuffers
import numpy as np
import tflite

FLOAT32, INT8 = tflite.TensorType.FLOAT32, tflite.TensorType.INT8


def vector(builder, start, offsets):
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def table(builder, name, **fields):
    getattr(tflite, name + "Start")(builder)
    for field, value in fields.items():
        if value is not None:
            getattr(tflite, f"{name}Add{field}")(builder, value)
    return getattr(tflite, name + "End")(builder)


def _ints(builder, values):
    return builder.CreateNumpyVector(np.asarray(values, np.int32))


def _tensor(builder, name, shape, buffer=0, kind=FLOAT32, scale=None):
    quantization = None
    if scale is not None:
        scales = builder.CreateNumpyVector(np.array(scale, np.float32))
        points = builder.CreateNumpyVector(np.full(len(scale), -3, np.int64))
        quantization = table(builder, "QuantizationParameters", Scale=scales, ZeroPoint=points)
    fields = {"Name": builder.CreateString(name), "Type": kind, "Buffer": buffer, "Quantization": quantization}
    fixed = [max(size, 1) for size in shape]
    signature = _ints(builder, shape) if fixed != list(shape) else None
    return table(builder, "Tensor", Shape=_ints(builder, fixed), ShapeSignature=signature, **fields)


def _signature(builder, inputs, outputs):
    key = builder.CreateString("serving_default")
    sides = []
    for side in (inputs, outputs):
        named = [(builder.CreateString(name), index) for name, index in side.items()]
        maps = [table(builder, "TensorMap", Name=name, TensorIndex=index) for name, index in named]
        sides.append(vector(builder, tflite.SignatureDefStartInputsVector, maps))
    return table(builder, "SignatureDef", SignatureKey=key, Inputs=sides[0], Outputs=sides[1])


def model(rows=1, custom=None, signed=None):
    """A file that adds [1, 2, 3] to ``x``, rows by 3 (-1: any number), twice, giving ``first`` and ``second``.

    With ``custom``, a custom operator of that name makes ``second``. With ``signed``, two dicts of tensors' indices by
    name, it has a signature; ``x`` is 0, ``first`` 2, ``second`` 3. A fifth tensor, ``small``, is quantized, and a
    sixth, ``channels``, by channel.
    """
    builder = flatbuffers.Builder(1024)
    constant = builder.CreateNumpyVector(np.array([1, 2, 3], np.float32).view(np.uint8))
    buffers = [table(builder, "Buffer"), table(builder, "Buffer", Data=constant)]
    tensors = [
        _tensor(builder, "x", [rows, 3]),
        _tensor(builder, "c", [3], buffer=1),
        _tensor(builder, "first", [rows, 3]),
        _tensor(builder, "second", [rows, 3]),
        _tensor(builder, "small", [2], kind=INT8, scale=[0.5]),
        _tensor(builder, "channels", [2], kind=INT8, scale=[0.5, 0.25]),
    ]
    builtin = tflite.BuiltinOperator
    codes = [table(builder, "OperatorCode", DeprecatedBuiltinCode=builtin.ADD, BuiltinCode=builtin.ADD, Version=1)]
    if custom:
        code = builder.CreateString(custom)
        fields = {"DeprecatedBuiltinCode": builtin.CUSTOM, "BuiltinCode": builtin.CUSTOM, "Version": 1}
        codes.append(table(builder, "OperatorCode", CustomCode=code, **fields))
    operators = []
    for number, (read, written) in enumerate(((0, 2), (2, 3))):
        inputs, outputs = _ints(builder, [read, 1]), _ints(builder, [written])
        if custom and number:
            operators.append(table(builder, "Operator", OpcodeIndex=1, Inputs=inputs, Outputs=outputs))
            continue
        options = table(builder, "AddOptions")
        kind = tflite.BuiltinOptions.AddOptions
        fields = {"Inputs": inputs, "Outputs": outputs, "BuiltinOptionsType": kind, "BuiltinOptions": options}
        operators.append(table(builder, "Operator", OpcodeIndex=0, **fields))
    graph = table(
        builder,
        "SubGraph",
        Tensors=vector(builder, tflite.SubGraphStartTensorsVector, tensors),
        Inputs=_ints(builder, [0]),
        Outputs=_ints(builder, [2, 3]),
        Operators=vector(builder, tflite.SubGraphStartOperatorsVector, operators),
        Name=builder.CreateString("main"),
    )
    signatures = None
    if signed:
        signatures = vector(builder, tflite.ModelStartSignatureDefsVector, [_signature(builder, *signed)])
    root = table(
        builder,
        "Model",
        Version=3,
        OperatorCodes=vector(builder, tflite.ModelStartOperatorCodesVector, codes),
        Subgraphs=vector(builder, tflite.ModelStartSubgraphsVector, [graph]),
        Description=builder.CreateString("tiny"),
        Buffers=vector(builder, tflite.ModelStartBuffersVector, buffers),
        SignatureDefs=signatures,
    )
    builder.Finish(root, file_identifier=b"TFL3")
    return bytes(builder.Output())
