"""Random numbers."""

from .handler import UnsupportedError, handles


@handles("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
def chance(*_):
    raise UnsupportedError(
        "it draws random numbers, which come out differently in every runtime",
        "draw them outside of the model, and make them one of its inputs",
    )
