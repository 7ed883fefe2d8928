"""Which files are audited: those of each model, by each maker, of each variant."""

# Of ../zoo_new/models.toml, each with one image as its input.
MODELS = (
    "convnext_atto",
    "edgenext_xx_small",
    "efficientvit_b0",
    "ghostnetv2_100",
    "lraspp",
    "mobilenet_v3_small",
    "mobilenetv4_conv_small",
    "repvit_m0_9",
    "shufflenet_v2_x0_5",
    "vit_tiny_patch16_224",
)
VARIANTS = ("float32", "int8", "int16x8")
MAKERS = ("pinlite", "onnx2tf", "litert-torch")
# How many random samples integers are calibrated on.
SAMPLES = 8
