"""Operators of newer opsets that opset 13 has no words for: why, and what to do about one."""

from .rule import CUT

START_BEHIND = "cut the model behind it with --from-tensor, and do this step in your own code"
REASONS = {
    "Bernoulli": ("it draws random numbers", CUT),
    "ImageDecoder": ("it decodes an image file", START_BEHIND),
    "Optional": ("its value may be missing", CUT),
    "OptionalGetElement": ("its value may be missing", CUT),
    "OptionalHasElement": ("its value may be missing", CUT),
    "RegexFullMatch": ("it computes with text", START_BEHIND),
    "SequenceMap": ("it runs a graph for each tensor of a sequence", CUT),
    "StringConcat": ("it computes with text", START_BEHIND),
    "StringSplit": ("it computes with text", START_BEHIND),
}
