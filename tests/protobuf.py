"""ONNX files of any shape, written field by field: what no library would write can be."""

FLOAT, INT64, BOOL, EXTERNAL = 1, 7, 9, 1


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """A field of a message: an integer, or bytes (text, and messages within)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, dims, data=b"", kind=FLOAT, external="", **place):
    """A tensor with its bytes, or in an ``external`` file at a ``place`` of offset and length."""
    made = b"".join(field(1, size) for size in dims) + field(2, kind) + field(8, name)
    if external:
        said = {"location": external, **place}
        return (
            made + b"".join(field(13, field(1, key) + field(2, str(said[key]))) for key in said) + field(14, EXTERNAL)
        )
    return made + field(9, data)


def value(name, dims=(1, 4), kind=FLOAT):
    shape = b"".join(field(1, field(1, size)) for size in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def attribute(name, **of):
    numbers = {"i": (3, 2), "s": (4, 3), "t": (5, 4), "g": (6, 5)}
    ((kind, content),) = of.items()
    number, type_ = numbers[kind]
    return field(1, name) + field(number, content) + field(20, type_)


def node(operator, inputs, outputs, *attributes, domain=""):
    return b"".join(
        [
            *(field(1, name) for name in inputs),
            *(field(2, name) for name in outputs),
            field(4, operator),
            *(field(5, one) for one in attributes),
            field(7, domain),
        ]
    )


def graph(nodes, inputs=(), outputs=(), initializers=()):
    return b"".join(
        [
            *(field(1, one) for one in nodes),
            field(2, "main"),
            *(field(5, one) for one in initializers),
            *(field(11, one) for one in inputs),
            *(field(12, one) for one in outputs),
        ]
    )


def function(name, nodes, inputs=("x",), outputs=("y",), domain="local", opset=17):
    return b"".join(
        [
            field(1, name),
            *(field(4, one) for one in inputs),
            *(field(5, one) for one in outputs),
            *(field(7, one) for one in nodes),
            field(9, field(2, opset)),
            field(9, field(1, domain) + field(2, 1)),
            field(10, domain),
        ]
    )


def model(content, opset=12, ir_version=6, functions=(), domains=()):
    imports = [field(8, field(2, opset)), *(field(8, field(1, domain) + field(2, 1)) for domain in domains)]
    return field(1, ir_version) + field(7, content) + b"".join([*imports, *(field(25, one) for one in functions)])


def of(*nodes, inputs=None, outputs=None, initializers=(), **others):
    """A model of x to y."""
    return model(graph(nodes, inputs or [value("x")], outputs or [value("y")], initializers), **others)
