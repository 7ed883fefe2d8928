"""Which operators a .tflite file is made of: TFLite's own, or TensorFlow's beside them (Select-TF)."""

from collections import Counter

import refusals
import tensorflow as tf
from stagekit import StageError
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import ConverterError

AUTO, BUILTIN, SELECT_TF = "auto", "builtin", "select-tf"
CHOICES = (AUTO, BUILTIN, SELECT_TF)
FAILURES = (ConverterError, ValueError, tf.errors.OpError)

# How TensorFlow's operators are named in a file.
PREFIX = "Flex"
BUILTIN_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def converted(converter, ops, graph_def):
    """The bytes of the file that ``converter()``, a new TFLiteConverter at each call, makes of ``graph_def``.

    With ``auto``, Select-TF operators come in only where the converter refuses TFLite's own, and they would do. Raises
    a StageError of kind ``model`` that names the operators which the converter refuses.
    """
    if ops not in CHOICES:
        raise StageError("usage", "there is no ops {!r}, there are {}".format(ops, ", ".join(CHOICES)))
    try:
        if ops != SELECT_TF:
            try:
                return converter().convert()
            except FAILURES as error:
                if ops == BUILTIN or not refusals.is_for_select_tf(error):
                    raise
        selecting = converter()
        selecting.target_spec.supported_ops = [*selecting.target_spec.supported_ops, tf.lite.OpsSet.SELECT_TF_OPS]
        return selecting.convert()
    except FAILURES as error:
        raise refusals.refusal(error, graph_def) from error


def counted(content):
    """How often each operator occurs in a file, the most frequent first; Select-TF ones as FlexAddV2."""
    model = schema.Model.GetRootAsModel(content, 0)
    names = [_name(model.OperatorCodes(at)) for at in range(model.OperatorCodesLength())]
    graphs = [model.Subgraphs(at) for at in range(model.SubgraphsLength())]
    counts = Counter(
        names[graph.Operators(at).OpcodeIndex()] for graph in graphs for at in range(graph.OperatorsLength())
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def select_tf(content):
    """TensorFlow's names of the Select-TF operators in a file, sorted."""
    return sorted(name[len(PREFIX) :] for name in counted(content) if name.startswith(PREFIX))


def _name(code):
    # The first field had room for 127 operators; later ones stand in the second alone.
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    return code.CustomCode().decode() if number == schema.BuiltinOperator.CUSTOM else BUILTIN_NAMES[number]
