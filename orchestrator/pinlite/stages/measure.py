"""How much a TFLite runtime takes where it is installed: one of TFLite's own operators, and one with TensorFlow's."""

from pinlite.report import RuntimeSize
from pinlite.stages.stage import Action, Stage

BUILTIN = Stage("measure-builtin", image="tflite", program="infer", operation="measure")
SELECT_TF = Stage("measure-select-tf", image="tensorflow", program="convert", operation="measure")
Result = RuntimeSize


def action(stage: Stage) -> Action:
    return Action(stage, parameters={}, outputs={})
