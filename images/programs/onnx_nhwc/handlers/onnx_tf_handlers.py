"""onnx-tf's handlers, for operators that have none here."""

from onnx import defs
from onnx_tf import common
from onnx_tf.common.handler_helper import get_all_backend_handlers
from onnx_tf.handlers.backend_handler import BackendHandler
from onnx_tf.pb_wrapper import OnnxNode


def choose(nodes, opsets):
    """onnx-tf's handler of each node, None where it has none, for the operator sets given as {domain: version}."""
    handlers = get_all_backend_handlers(opsets)
    return [_handler(node, handlers) for node in nodes]


def _handler(node, handlers):
    handler = handlers.get(node.domain, {}).get(node.op_type)
    if handler is None or _has_graphs(handler):
        return None
    version = _handled_version(handler)
    if version is None:
        return None

    def handle(node, values):
        handler.SINCE_VERSION = version
        theirs = OnnxNode(node.node_proto)
        # They hand the name on to TensorFlow.
        theirs.name = node.name
        # Any device but the CPU keeps onnx-tf from wrapping what it makes in transposes of its own.
        device, common.sys_config.device = common.sys_config.device, "CUDA"
        try:
            return handler.handle(theirs, tensor_dict={name: values[name] for name in node.inputs if name}, strict=True)
        finally:
            common.sys_config.device = device

    return handle


def _handled_version(handler):
    """The newest version that onnx-tf has of the operator, None if the one of the model's operator set takes more.

    onnx-tf left versions out that brought nothing but data types: Shape's of operator set 13.
    """
    versions = [version for version in handler.get_versions() if version <= handler.SINCE_VERSION]
    if handler.SINCE_VERSION in versions:
        return handler.SINCE_VERSION
    if not versions or _form(handler, max(versions)) != _form(handler, handler.SINCE_VERSION):
        return None
    return max(versions)


def _form(handler, version):
    """What a node of the operator is made of, whatever the data types."""
    schema = defs.get_schema(handler.ONNX_OP, version, handler.DOMAIN)
    values = [(value.name, value.option) for value in [*schema.inputs, *schema.outputs]]
    attributes = [(name, entry.type, entry.default_value) for name, entry in sorted(schema.attributes.items())]
    return values, attributes


def _has_graphs(handler):
    """Whether onnx-tf would look into graphs of the node's own: it makes control flow of them."""
    method = "get_initializer_from_subgraph"
    return getattr(handler, method).__func__ is not getattr(BackendHandler, method).__func__
