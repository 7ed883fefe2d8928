"""Write ONNX files of small models, each another graph: ``batch_models.py FOLDER COUNT``, by a Python that has onnx."""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

# The nodes of a graph, and the most bytes of its weights.
LEAST, MOST, BYTES = 10, 50, 1_000_000


class Graph:
    """A chain of layers over an image, with a few branches, drawn by a number."""

    def __init__(self, number):
        self.draw = np.random.RandomState(number)
        self.nodes, self.weights, self.bytes = [], [], 0
        self.channels, self.size = int(self.draw.choice([1, 3, 4])), int(self.draw.choice([8, 12, 16, 24]))
        self.shape = [1, self.channels, self.size, self.size]
        self.value = "image"

    def weight(self, *shape):
        array = (self.draw.randn(*shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        self.bytes += array.nbytes
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs or (self.value,), [name], name=name, **attributes))
        self.value = name
        return name

    def convolution(self):
        kernel = int(self.draw.choice([1, 3]))
        wider = int(self.draw.choice([4, 8, 12, 16, 24]))
        weight, bias = self.weight(wider, self.channels, kernel, kernel), self.weight(wider)
        self.add("Conv", self.value, weight, bias, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)
        self.channels = wider

    def depthwise(self):
        weight = self.weight(self.channels, 1, 3, 3)
        self.add("Conv", self.value, weight, kernel_shape=[3, 3], pads=[1] * 4, group=self.channels)

    def activation(self):
        kind = str(self.draw.choice(["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "HardSwish6"]))
        if kind == "HardSwish6":
            before = self.value
            self.add("HardSigmoid", alpha=1 / 6, beta=0.5)
            self.add("Mul", before, self.value)
        else:
            self.add(kind)

    def scale(self):
        self.add(str(self.draw.choice(["Mul", "Add"])), self.value, self.weight(1, self.channels, 1, 1))

    def residual(self):
        before = self.value
        weight = self.weight(self.channels, self.channels, 1, 1)
        inner = self.add("Conv", before, weight, kernel_shape=[1, 1])
        self.add("Add", before, inner)

    def pool(self):
        if self.size % 2 or self.size < 8:
            return
        self.add(str(self.draw.choice(["MaxPool", "AveragePool"])), kernel_shape=[2, 2], strides=[2, 2])
        self.size //= 2

    def squeeze(self):
        before = self.value
        self.add("GlobalAveragePool")
        self.add("Conv", self.value, self.weight(self.channels, self.channels, 1, 1), kernel_shape=[1, 1])
        self.add("Sigmoid")
        self.add("Mul", before, self.value)

    def model(self):
        steps = [self.convolution, self.depthwise, self.activation, self.scale, self.residual, self.pool, self.squeeze]
        wanted = int(self.draw.randint(LEAST, MOST - 12))
        self.convolution()
        while len(self.nodes) < wanted:
            self.draw.choice(steps)()
        self.add("GlobalAveragePool")
        self.add("Flatten")
        outputs = int(self.draw.randint(2, 200))
        if self.draw.rand() < 0.3:
            hidden = int(self.draw.randint(64, 800))
            self.add("Gemm", self.value, self.weight(hidden, self.channels), self.weight(hidden), transB=1)
            self.add("Relu")
            self.channels = hidden
        self.add("Gemm", self.value, self.weight(outputs, self.channels), self.weight(outputs), transB=1)
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(self.value, TensorProto.FLOAT, [1, outputs])],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
        checker.check_model(made)
        assert LEAST <= len(self.nodes) <= MOST, len(self.nodes)
        assert self.bytes <= BYTES, self.bytes
        return made


def main(folder, count):
    for number in range(int(count)):
        save(Graph(number).model(), str(Path(folder, f"drawn_{number:04}.onnx")))


if __name__ == "__main__":
    main(*sys.argv[1:])
