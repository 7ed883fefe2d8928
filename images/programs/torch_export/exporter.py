"""How this image's torch exports: with the aids of `torch_symbolics`, where the image carries that package."""

import importlib
import importlib.util

aids = importlib.import_module(
    "torch_symbolics.aided" if importlib.util.find_spec("torch_symbolics") else "torch_export.unaided"
)
