"""A SavedModel folder: its signatures, running it, and saying what it holds."""

import contextlib
import copy
from collections import Counter

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import graph_pb2, tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.saved_model import loader_impl

from stagekit import StageError, light_graph, wire
from stagekit.errors import pass_on

BRANCHING = ("If", "StatelessIf")
TAG = "serve"
SIGNATURE = "serving_default"
# Keras and tf.saved_model.save keep a signature of their own, for initialization.
INTERNAL = "__saved_model"
SAVE_AGAIN = "save the model again: tf.saved_model.save(model, folder)"


class SavedModel:
    """A SavedModel with its serving_default signature. ``graph`` are its nodes, without the values of large constants;
    `graph_def` has these, too. Raises a StageError for a folder that is none, or has no such signature.
    """

    def __init__(self, folder):
        self.folder = folder
        self._meta_graph, self._place = _serving(*read(folder))
        self.graph = self._meta_graph.graph_def
        signatures = self._meta_graph.signature_def
        if SIGNATURE not in signatures:
            raise StageError(
                "usage",
                "the SavedModel has no signature {}, it has {}".format(
                    SIGNATURE, ", ".join(_named(signatures)) or "none"
                ),
                "save it with signatures={{{!r}: function}}".format(SIGNATURE),
            )
        self.inputs = _sorted(signatures[SIGNATURE].inputs)
        self.outputs = _sorted(signatures[SIGNATURE].outputs)

    def is_frozen(self):
        """Whether a single graph holds everything: no objects, no variables, no functions but the branches of If."""
        return (
            not self._meta_graph.HasField("object_graph_def")
            and not any(_calls(node) for node in nodes(self.graph))
            and not (self.folder / "variables" / "variables.index").exists()
        )

    def serialized(self):
        """The GraphDef as bytes."""
        if self._place is None:
            return self.graph.SerializeToString()
        return self._read(self._place[:2])

    def _read(self, place):
        return light_graph.read(_file(self.folder), place)

    @property
    def constants(self):
        """The constants that `graph` has no values of, as `light_graph.Constant`s by the names of their nodes."""
        return {} if self._place is None else self._place.constants

    def numbers(self, constant):
        """The numbers of such a constant of floats, whose numbers are in one piece."""
        shape = [size.size for size in tensor_pb2.TensorProto.FromString(constant.tensor).tensor_shape.dim]
        return np.frombuffer(self._read(constant.numbers), np.float32).reshape(shape)

    def value(self, constant):
        """The AttrValue of such a constant, as bytes."""
        return self._read(constant.value)

    def graph_def(self):
        """The GraphDef with all that is in it: a copy."""
        return graph_pb2.GraphDef.FromString(self.serialized())

    def of_graph(self, graph_def):
        """The same with another GraphDef, which is not in its folder."""
        other = copy.copy(self)
        other.graph, other._place = graph_def, None  # noqa: SLF001 - it is one of ours
        return other

    def input_specs(self):
        """What a caller feeds, as [{name, shape, dtype}] by signature key: None in a shape is a size left open."""
        return [_spec(key, info) for key, info in self.inputs.items()]

    def run(self, samples):
        """The outputs by signature key, of samples by signature key."""
        with self.loaded() as run:
            return run(samples)

    @contextlib.contextmanager
    def loaded(self):
        """While this context is entered, what runs the model on samples: a function as `run` is."""
        with self._session() as session:
            yield lambda samples: self._fetched(session, samples)

    def trace(self, samples):
        """The floats that the graph's nodes compute of the samples, in an order of computing: [(node, array)].

        Of a node with several outputs it is the first. What functions compute inside is not seen.
        """
        with self._session() as session:
            fetched = [
                operation.outputs[0]
                for operation in session.graph.get_operations()
                if operation.type != "Const" and operation.outputs and operation.outputs[0].dtype.is_floating
            ]
            values = session.run(fetched, {self.inputs[key].name: value for key, value in samples.items()})
        return [(tensor.op.name, np.asarray(value)) for tensor, value in zip(fetched, values)]

    @contextlib.contextmanager
    def _session(self):
        """A session that has the model loaded.

        A session runs frozen graphs and SavedModels of functions alike, and in half the time that loading the
        functions as Python objects takes. Grappler is off: it takes longer to optimize a graph than to run it once, and
        drops operators that decide what is equal. One thread, because outputs are kept by their bytes: how many cores a
        machine has must not decide in which order TensorFlow adds.
        """
        config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
            try:
                self._load(session, config)
                yield session
            except (tf.errors.OpError, ValueError, KeyError) as error:
                pass_on(error)
                message = "TensorFlow {} can't run the SavedModel: {}".format(tf.__version__, _brief(error))
                hint = "save it with TensorFlow {} or older".format(tf.__version__)
                raise StageError("model", message, hint) from error

    def _fetched(self, session, samples):
        feed = {self.inputs[key].name: value for key, value in samples.items()}
        outputs = session.run({key: info.name for key, info in self.outputs.items()}, feed)
        # A scalar comes as a numpy scalar.
        outputs = {key: np.asarray(value) for key, value in outputs.items()}
        for key, value in outputs.items():
            if value.dtype.kind not in "fiubc":
                raise StageError(
                    "model", "output {!r} is no tensor of numbers".format(key), "sign tensors of numbers only"
                )
        return outputs

    def _load(self, session, config):
        if self.is_frozen():
            tf.import_graph_def(self.graph_def(), name="")
            return
        loader = loader_impl.SavedModelLoader(str(self.folder))
        for node in nodes(loader.get_meta_graph_def_from_tags([TAG]).graph_def):
            # Calls of functions have a configuration of their own.
            if "config_proto" in node.attr:
                node.attr["config_proto"].s = config.SerializeToString()
        loader.load(session, [TAG])


def read(folder):
    """The SavedModel message of a folder without its weights, and where its GraphDefs lie, as `light_graph.split` has
    them.
    """
    path = _file(folder)
    if not path.is_file():
        raise StageError("usage", "this is no SavedModel: it has no file saved_model.pb", SAVE_AGAIN)
    message = saved_model_pb2.SavedModel()
    try:
        with wire.mapped(path) as content:
            light, places = light_graph.split(content)
        message.ParseFromString(light)
    except (DecodeError, ValueError) as error:
        raise StageError("usage", "saved_model.pb is damaged: {}".format(error), SAVE_AGAIN) from error
    if not message.meta_graphs:
        raise StageError("usage", "saved_model.pb holds no graph", SAVE_AGAIN)
    return message, places


def _file(folder):
    return folder / "saved_model.pb"


def words(folder):
    """The signatures and the operators of a SavedModel in words."""
    lines = []
    message, _ = read(folder)
    for meta_graph in message.meta_graphs:
        info = meta_graph.meta_info_def
        lines.append(
            "SavedModel made by TensorFlow {}, tags: {}".format(
                info.tensorflow_version or "?", ", ".join(sorted(info.tags)) or "none"
            )
        )
        for key in _named(meta_graph.signature_def):
            signature = meta_graph.signature_def[key]
            lines.append("signature {}".format(key))
            for role, tensors in (("input", signature.inputs), ("output", signature.outputs)):
                lines.extend(
                    "  {} {}".format(role, _in_words(name, tensor)) for name, tensor in _sorted(tensors).items()
                )
        lines.append("operators")
        counts = Counter(node.op for node in nodes(meta_graph.graph_def))
        lines.extend("  {} {}".format(op, n) for op, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return "\n".join(lines) + "\n"


def _calls(node):
    return node.op not in BRANCHING and any(setting.HasField("func") for setting in node.attr.values())


def nodes(graph_def):
    """Every node of a graph, those of its functions too."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _serving(message, places):
    for meta_graph, place in zip(message.meta_graphs, places):
        if TAG in meta_graph.meta_info_def.tags:
            return meta_graph, place
    tags = sorted({tag for meta_graph in message.meta_graphs for tag in meta_graph.meta_info_def.tags})
    message = "the SavedModel has no graph tagged {!r}, it has {}".format(TAG, ", ".join(tags) or "none")
    raise StageError("usage", message, SAVE_AGAIN)


def _named(signatures):
    return sorted(key for key in signatures if not key.startswith(INTERNAL))


def _sorted(tensors):
    """Signatures come without an order."""
    return {key: tensors[key] for key in sorted(tensors)}


def _spec(key, info):
    if info.WhichOneof("encoding") != "name":
        raise StageError("model", "input {!r} is no dense tensor".format(key), "sign it with dense tensors only")
    if info.tensor_shape.unknown_rank:
        raise StageError("model", "input {!r} has no shape".format(key), "give it one in the input signature")
    shape = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    return {"name": key, "shape": shape, "dtype": np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype).name}


def _in_words(key, info):
    shape = (
        "?"
        if info.tensor_shape.unknown_rank
        else "x".join("?" if dim.size < 0 else str(dim.size) for dim in info.tensor_shape.dim)
    )
    return "{}: {} of {} (tensor {})".format(key, shape or "scalar", tf.as_dtype(info.dtype).name, info.name or "-")


def _brief(error):
    """TensorFlow's message without the Python stack that it appends."""
    return " ".join(str(error).split("\n\nOriginal stack trace")[0].split())[:1000]
