import pytest

from pinlite.auditing import runtime_faults


def of(runtime, **operators):
    return [fault.operator for fault in runtime_faults.known(runtime, operators)]


@pytest.mark.parametrize(
    ("operator", "type_"),
    [
        *(("LOGISTIC", "int16"), ("TANH", "int16"), ("LOG_SOFTMAX", "int8")),
        ("RESIZE_BILINEAR half_pixel_centers", "int8"),
    ],
)
def test_a_fault_is_of_an_operator_a_type_and_versions(operator, type_):
    for runtime in ("tensorflow-cpu 2.4.1", "tensorflow-cpu 2.4.1 at batch 5", "tflite-runtime 2.5.0"):
        assert of(runtime, **{operator: {type_: 2}}) == [operator]
    assert of("tensorflow-cpu 2.4.1", **{operator: {"uint8": 2}}) == []
    for runtime in ("tflite-runtime 2.7.0", "tflite-runtime 2.14.0", "ai-edge-litert 2.5.0", "torch", "onnxruntime"):
        assert of(runtime, **{operator: {type_: 2}}) == []


def test_options_of_a_fault_are_among_the_operators():
    dense = {"FULLY_CONNECTED bias per_channel": {"int8": 1}}
    assert of("tensorflow-cpu 2.9.1", **dense) == ["FULLY_CONNECTED per_channel"]
    assert of("tensorflow-cpu 2.9.1", FULLY_CONNECTED={"int8": 1}) == []
    assert of("tensorflow-cpu 2.10.0", **dense) == []


def test_words_name_the_runtime_the_operator_and_what_to_do():
    (fault, *_) = runtime_faults.faults()
    text = fault.words("tensorflow-cpu 2.4.1")
    assert text.startswith("tensorflow-cpu 2.4.1 computes LOGISTIC of int16 wrongly: ")
    assert "right from 2.5.3 on" in text


def test_words_say_that_no_version_is_right():
    (fault,) = runtime_faults.known("ai-edge-litert 2.3.0", {"PRELU": {"int16": 1}})
    assert "No version of it is known to be right" in fault.words("ai-edge-litert 2.3.0")
