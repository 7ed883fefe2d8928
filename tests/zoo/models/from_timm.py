"""timm's models by their names there."""

import timm
from seeding import seeded


def __getattr__(name):
    if not timm.is_model(name):
        raise AttributeError(name)
    return seeded((1, 3, 224, 224))(lambda: timm.create_model(name))
