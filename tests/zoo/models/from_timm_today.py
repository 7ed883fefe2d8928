"""timm's models by their names there, the large ones with fewer layers."""

import timm
from seeding import seeded

SMALLER = {
    "coat_lite_tiny": {"serial_depths": (1, 1, 1, 1)},
    "davit_tiny": {"depths": (1, 1, 1, 1)},
    "deit3_small_patch16_224": {"depth": 4},
    "mambaout_femto": {"depths": (1, 1, 2, 1)},
    "maxvit_pico_rw_256": {"depths": (1, 1, 1, 1)},
    "rdnet_tiny": {"num_blocks_list": (1, 1, 1, 1, 1, 1, 1)},
    "swinv2_tiny_window8_256": {"depths": (1, 1, 2, 1)},
    "twins_pcpvt_small": {"depths": (1, 1, 1, 1)},
}
SIZES = {"maxvit_pico_rw_256": 256, "swinv2_tiny_window8_256": 256}


def __getattr__(name):
    if not timm.is_model(name):
        raise AttributeError(name)
    size = SIZES.get(name, 224)
    return seeded((1, 3, size, size))(lambda: timm.create_model(name, **SMALLER.get(name, {})))
