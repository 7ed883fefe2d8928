"""Operators that are not ONNX's own: which of them can be said at all."""

from stagekit import StageError

from .rules import RULES
from .rules.microsoft.registry import DOMAIN

CUT = "cut the model before it, with --to-tensor"
# What operators of a domain are, and what to do about them; of a domain that is not here nobody knows what they mean.
KNOWN = {
    "com.microsoft.nchwc": (
        "onnxruntime optimized the model for one processor",
        "give the model as it was before, or one that onnxruntime saved at ORT_ENABLE_EXTENDED",
    ),
    "ai.onnx.ml": ("it is of classical machine learning, for which TFLite has no operators", CUT),
    "ai.onnx.training": ("it trains the model", "export the model for inference"),
    "ai.onnx.preview.training": ("it trains the model", "export the model for inference"),
    "org.pytorch.aten": (
        "it is PyTorch's own, which its exporter writes for what it can't say in ONNX",
        "export the model again, without operator_export_type=ONNX_ATEN_FALLBACK",
    ),
}


def check(model):
    """Raise a StageError of kind "model" for the first operator of a domain without a form at opset 13."""
    for node in model.graph.all_nodes():
        if node.domain not in ("", DOMAIN) and (node.domain, node.op_type, 1) not in RULES:
            why, hint = KNOWN.get(node.domain, ("nobody but its author knows what it means", CUT))
            raise StageError(
                "model",
                "{} (node {}) is an operator of the domain {!r}: {}".format(
                    node.op_type, node.name or "?", node.domain, why
                ),
                hint,
            )
