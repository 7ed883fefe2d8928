"""The weights that are pruned and clustered: those of convolutions, linear, recurrent and embedding layers."""

from torch import nn

WEIGHTED = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
    nn.Embedding,
)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
# Its projection is a Linear that is never called: attention takes the weight itself.
ATTENTION = nn.MultiheadAttention


class Weight:
    """A parameter ``name`` of a module, called ``full_name`` in the model."""

    def __init__(self, module, name, full_name):
        self.module, self.name, self.full_name = module, name, full_name

    @property
    def tensor(self):
        return getattr(self.module, self.name).detach()


def weights(model):
    """Every weight, in the model's order. One that several modules share is left out: it has no layer of its own."""
    uncalled = {id(module.out_proj) for module in model.modules() if isinstance(module, ATTENTION)}
    found = [
        Weight(module, name, "{}.{}".format(path, name) if path else name)
        for path, module in model.named_modules()
        if id(module) not in uncalled
        for name in _names(module)
        if isinstance(module._parameters.get(name), nn.Parameter)  # noqa: SLF001 - no weight that is computed
    ]
    holders = [id(parameter) for module in model.modules() for parameter in module._parameters.values()]  # noqa: SLF001
    return [weight for weight in found if holders.count(id(getattr(weight.module, weight.name))) <= 1]


def _names(module):
    if isinstance(module, WEIGHTED):
        return ["weight"]
    if isinstance(module, nn.RNNBase):
        return [name for name in module._flat_weights_names if name.startswith("weight_")]  # noqa: SLF001
    return []
