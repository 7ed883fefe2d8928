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


def tensor(name, dims, data=b"", kind=FLOAT, external=""):
    made = b"".join(field(1, size) for size in dims) + field(2, kind) + field(8, name)
    if external:
        return made + field(13, field(1, "location") + field(2, external)) + field(14, EXTERNAL)
    return made + field(9, data)


def value(name, dims=(1, 4), kind=FLOAT):
    shape = b"".join(field(1, field(1, size)) for size in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def attribute(name, **of):
    numbers = {"i": (3, 2), "s": (4, 3), "t": (5, 4), "g": (6, 5)}
    ((kind, content),) = of.items()
    number, type_ = numbers[kind]
    return field(1, name) + field(number, content) + field(20, type_)


def node(operator, inputs, outputs, *attributes):
    return b"".join(
        [
            *(field(1, name) for name in inputs),
            *(field(2, name) for name in outputs),
            field(4, operator),
            *(field(5, one) for one in attributes),
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


def model(content, opset=12):
    return field(1, 6) + field(7, content) + field(8, field(2, opset))


def of(*nodes, inputs=None, outputs=None, initializers=()):
    """A model of x to y."""
    return model(graph(nodes, inputs or [value("x")], outputs or [value("y")], initializers))
