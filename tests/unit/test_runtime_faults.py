import pytest

from pinlite.audit import runtime_faults
from pinlite.schema.report import Quantization


def of(runtime, **operators):
    quantization = Quantization(tensors=1, per_channel=0, float_operators={}, integer_operators=operators)
    return [fault.operator for fault in runtime_faults.of(runtime, quantization)]


@pytest.mark.parametrize(
    ("operator", "type_"),
    [
        *(("LOGISTIC", "int16"), ("TANH", "int16"), ("LOG_SOFTMAX", "int8")),
        ("RESIZE_BILINEAR half_pixel_centers", "int8"),
    ],
)
def test_a_fault_is_of_an_operator_a_type_and_versions(operator, type_):
    for runtime in ("tensorflow-cpu 2.4.1", "tensorflow-cpu 2.4.1 at batch 5", "tflite-runtime 2.6.0"):
        assert of(runtime, **{operator: {type_: 2}}) == [operator]
    assert of("tensorflow-cpu 2.4.1", **{operator: {"uint8": 2}}) == []
    for runtime in ("tflite-runtime 2.7.0", "tflite-runtime 2.14.0", "ai-edge-litert 2.5.0", "torch", "onnxruntime"):
        assert of(runtime, **{operator: {type_: 2}}) == []


def test_words_name_the_runtime_the_operator_and_what_to_do():
    (fault, *_) = runtime_faults.FAULTS
    text = fault.words("tensorflow-cpu 2.4.1")
    assert text.startswith("tensorflow-cpu 2.4.1 computes LOGISTIC of int16 wrongly: ")
    assert "right from 2.7 on" in text
