"""Quantization-aware training: a model that computes as TFLite's int8 kernels will.

Where and how it quantizes follows TFLite's 8-bit quantization specification: activations per tensor, affine, over all
of int8; weights symmetric in [-127, 127], per output channel, those of linear layers per tensor. A range stands where
the converter looks for one: on what an operator gives, behind the activation that is fused into it.
"""

import itertools
from typing import NamedTuple

import torch
from torch import nn
from torch.quantization import FakeQuantize, MovingAverageMinMaxObserver

from stagekit import StageError

from .dataflow import Recording, mapped, tensors, unwatched, watched, watching
from .earlier_ranges import NONE_EARLIER

INT8 = (-128, 127)
LARGEST_WEIGHT = 127

# The axis of the output channels in a weight; None: one scale for all.
CHANNEL_AXES = {
    "conv1d": 0,
    "conv2d": 0,
    "conv_transpose1d": 1,
    "conv_transpose2d": 1,
    "linear": None,
}
# Operators whose results have a range of their own.
COMPUTED = frozenset(
    (
        *CHANNEL_AXES,
        *("add", "add_", "__radd__", "sub", "sub_", "__rsub__", "mul", "mul_", "__rmul__"),
        *("bmm", "matmul", "cat", "mean", "sum", "adaptive_avg_pool2d"),
        *("hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "prelu", "relu", "relu_", "relu6"),
    )
)
# Scale and zero point that TFLite's kernels demand of these.
FIXED = {"sigmoid": (1 / 256, -128), "sigmoid_": (1 / 256, -128), "softmax": (1 / 256, -128), "tanh": (1 / 128, 0)}
# Operators whose results lie on the grid of their operand, but between its values.
AVERAGING = frozenset(("avg_pool1d", "avg_pool2d", "interpolate"))
# Operators whose results are values of their operands.
MOVING = frozenset(
    (
        *("__getitem__", "alias", "chunk", "clone", "contiguous", "detach", "dropout", "dropout2d", "dropout_"),
        *("expand", "flatten", "flip", "max_pool1d", "max_pool2d", "narrow", "permute", "pixel_shuffle"),
        *(
            "repeat",
            "reshape",
            "select",
            "split",
            "squeeze",
            "t",
            "transpose",
            "unbind",
            "unsqueeze",
            "view",
            "view_as",
        ),
        "_pad",
    )
)
# Operators whose kernels in TFLite apply an activation, too.
FUSING = frozenset((*CHANNEL_AXES, "add", "add_", "__radd__", "sub", "mul", "mul_", "__rmul__"))
FUSED = "fused"
WEIGHT_AT = 1
OTHER_WAYS = "let the function call model.eval() before it trains: BatchNorm is folded, and Dropout then does nothing"


class Symmetric(nn.Module):
    """An observer for FakeQuantize: the scale of the largest magnitude in the latest tensor, per channel or for all."""

    def __init__(self, ch_axis):
        super().__init__()
        self.dtype = torch.qint8
        self.qscheme = torch.per_tensor_symmetric if ch_axis is None else torch.per_channel_symmetric
        self.ch_axis = ch_axis
        self._magnitude = None

    def forward(self, tensor):
        if self.ch_axis is None:
            self._magnitude = tensor.abs().max().reshape(1)
        else:
            self._magnitude = tensor.transpose(0, self.ch_axis).flatten(1).abs().max(1).values

    def calculate_qparams(self):
        scale = (self._magnitude / LARGEST_WEIGHT).clamp(min=torch.finfo(torch.float32).eps)
        return scale, torch.zeros(len(scale), dtype=torch.long)


def _of_weight(axis):
    return FakeQuantize(observer=Symmetric, quant_min=-LARGEST_WEIGHT, quant_max=LARGEST_WEIGHT, ch_axis=axis)


def _of_activation(earlier):
    """A range that is learnt, from an ``earlier`` one on where there is one."""
    low, high = INT8
    made = FakeQuantize(
        observer=MovingAverageMinMaxObserver,
        quant_min=low,
        quant_max=high,
        dtype=torch.qint8,
        qscheme=torch.per_tensor_affine,
        reduce_range=False,
    )
    if earlier:
        made.scale.fill_(earlier.scale)
        made.zero_point.fill_(earlier.zero_point)
        made.activation_post_process.min_val.fill_((low - earlier.zero_point) * earlier.scale)
        made.activation_post_process.max_val.fill_((high - earlier.zero_point) * earlier.scale)
    return made


class Use(NamedTuple):
    """A range by its name. Values that are rounded to a ``borrowed`` one do not widen it."""

    name: str
    borrowed: bool = False


class Site:
    """What is quantized at a call: ``weight`` by a FakeQuantize, ``operands`` by position and ``result`` by a `Use`."""

    def __init__(self, name):
        self.name = name
        self.weight = None
        self.operands = {}
        self.result = None


class FakeQuantized(nn.Module):
    """A model whose weights and activations are fake-quantized where TFLite quantizes them, by torch's FakeQuantize.

    ``inputs`` are tensors to follow the model's calls on; BatchNorm is folded already. Ranges that are among the
    ``earlier`` ones, an `EarlierRanges`, begin with these: ``begun`` and ``unseen`` are the names of ranges with and
    without a beginning. It has the state_dict of the model inside. Raises a StageError of kind ``model`` for a model
    without a convolution or linear layer.
    """

    def __init__(self, model, inputs, earlier=NONE_EARLIER):
        super().__init__()
        self.model = model
        self.ranges = nn.ModuleDict()
        plan = _Plan(Recording(model, inputs), earlier)
        self._sites = plan.sites
        self.ranges.update((name, _of_activation(plan.known.get(name))) for name in plan.learnt)
        self.begun = [name for name in plan.learnt if name in plan.known]
        self.unseen = [name for name in plan.learnt if name not in plan.known]
        self._frozen = plan.fixed
        self._freezing = False
        self._calls = 0
        self.weights = nn.ModuleList(site.weight for site in self._sites if site.weight)
        if not self.weights:
            message = "the model has no layer that can be trained for quantization"
            raise StageError("model", message, "there must be a convolution or a linear layer with a weight of its own")

    def state_dict(self, *args, **kwargs):
        return self.model.state_dict(*args, **kwargs)

    def load_state_dict(self, *args, **kwargs):
        return self.model.load_state_dict(*args, **kwargs)

    def forward(self, *inputs):
        self._calls = 0
        with watching(self._called):
            return unwatched(self.model(*watched(inputs)))

    def freeze(self, inputs, trainer):
        """Keep the ranges as they are, and put each weight on its grid. Call it once the weights are parameters again.

        Raises a StageError of kind ``usage`` when ranges are unknown, because ``trainer`` has not run the model.
        """
        for name, range_ in self.ranges.items():
            if not _is_known(range_):
                message = "{} does not run the model: the range of {} is unknown".format(trainer, name)
                raise StageError("usage", message, "train it on data: call model(...)")
            self._frozen[name] = (float(range_.scale), int(range_.zero_point))
        self._freezing = True
        with torch.no_grad():
            self(*inputs)
        for site in self._sites:
            site.weight = None

    def _called(self, function, args, kwargs):
        name = getattr(function, "__name__", str(function))
        site = self._sites[self._calls] if self._calls < len(self._sites) else Site("nothing")
        if site.name == name:
            args, kwargs = self._operands(site, (args, kwargs))
        found = function(*args, **kwargs)
        if not tensors(found):
            return found
        if site.name != name:
            message = "the model does not compute the same at every run: {} where {} was".format(name, site.name)
            raise StageError("usage", message, OTHER_WAYS)
        self._calls += 1
        if site.result:
            found = self._quantized(found, site.result)
        return watched(found)

    def _operands(self, site, given):
        positions = itertools.count()

        def change(tensor):
            at = next(positions)
            if at in site.operands:
                return self._quantized(tensor, site.operands[at])
            if at == WEIGHT_AT and site.weight:
                return tensor.copy_(site.weight(tensor)) if self._freezing else site.weight(tensor)
            return tensor

        return mapped(given, change) if site.operands or site.weight else given

    def _quantized(self, tensor, use):
        if use.name in self._frozen:
            scale, point = self._frozen[use.name]
        elif not use.borrowed:
            return self.ranges[use.name](tensor)
        elif _is_known(self.ranges[use.name]):
            scale, point = float(self.ranges[use.name].scale), int(self.ranges[use.name].zero_point)
        else:
            return tensor
        return torch.fake_quantize_per_tensor_affine(tensor, scale, point, *INT8)


class _Plan:
    """The ``sites`` of a model's calls, and the names of ranges: ``learnt`` ones, and ``fixed`` (scale, zero point).

    ``known`` are the earlier ones by these names.
    """

    def __init__(self, recording, earlier):
        self.fixed, self.known = {}, {}
        self._earlier = earlier
        self._places = {id(call): at for at, call in enumerate(recording.calls)}
        # Ranges that give way to others, by name.
        self._joined = {}
        self._inputs = {id(tensor): at for at, tensor in enumerate(recording.inputs)}
        # The range of each tensor that has one, by its id; FUSED where it stands behind what is fused.
        self._ranges = {}
        # The range of each tensor that has none, but is given one by those who take it.
        self._given = {}
        self.sites = [
            self._site(call, "{}_{}".format(call.name.strip("_"), at)) for at, call in enumerate(recording.calls)
        ]
        for site in self.sites:
            site.operands = {at: self._settled(use) for at, use in site.operands.items()}
            site.result = site.result and self._settled(site.result)
        uses = [use for site in self.sites for use in (*site.operands.values(), site.result) if use]
        self.learnt = list(dict.fromkeys(use.name for use in uses if use.name not in self.fixed))

    def _site(self, call, name):
        site = Site(call.name)
        operands = {at: tensor for at, (producer, tensor) in enumerate(call.inputs) if self._varies(producer, tensor)}
        if not operands or not all(tensor.is_floating_point() for tensor in call.results):
            return site
        found = [self._ranges.get(id(tensor)) for tensor in operands.values()]
        if call.name in MOVING:
            self._give(call, found[0])
        elif call.name in AVERAGING or (call.name == "adaptive_avg_pool2d" and not _is_global(call)):
            self._quantize_operands(site, call, operands, name)
            site.result = Use(found[0] or site.operands[min(operands)].name, borrowed=True)
            self._give(call, site.result.name)
        elif call.name in COMPUTED or call.name in FIXED:
            self._quantize_operands(site, call, operands, name)
            if call.name in CHANNEL_AXES and call.inputs[WEIGHT_AT][0] is None:
                site.weight = _of_weight(CHANNEL_AXES[call.name])
            if not _is_fused(call):
                site.result = Use(name)
                self._know(name, call, call.results[0])
            if call.name in FIXED:
                self.fixed[name] = FIXED[call.name]
            if call.name == "cat":
                self._join([*filter(None, found), *(use.name for use in site.operands.values())], name)
            self._give(call, name if site.result else FUSED)
        return site

    def _join(self, names, name):
        """Let ranges give way to one: TFLite concatenates numbers of one scale."""
        for one in map(self._final, names):
            if one not in (name, FUSED, *self.fixed):
                self._joined[one] = name

    def _final(self, name):
        """The range that one has given way to."""
        while name in self._joined:
            name = self._joined[name]
        return name

    def _settled(self, use):
        name = self._final(use.name)
        return use if name == use.name else Use(name, borrowed=True)

    def _varies(self, producer, tensor):
        """Whether it is an activation: what is neither computed nor an input is a constant."""
        return tensor.is_floating_point() and (producer is not None or id(tensor) in self._inputs)

    def _know(self, name, producer, tensor):
        """Let a range begin as that of a tensor, which a call gives or which is an input. What moves values may have no
        node.
        """
        while producer and producer.name in MOVING and self._places[id(producer)] not in self._earlier.calls:
            producer, tensor = producer.inputs[0]
        if producer is None:
            earlier = self._earlier.inputs.get(self._inputs[id(tensor)])
        else:
            earlier = self._earlier.calls.get(self._places[id(producer)])
        if earlier:
            self.known[name] = earlier

    def _quantize_operands(self, site, call, operands, name):
        for at, tensor in operands.items():
            if id(tensor) not in self._ranges:
                if id(tensor) not in self._given:
                    self._given[id(tensor)] = "{}_operand_{}".format(name, at)
                    self._know(self._given[id(tensor)], *call.inputs[at])
                site.operands[at] = Use(self._given[id(tensor)])

    def _give(self, call, name):
        for tensor in call.results:
            # What a call changes in place loses its range.
            self._ranges.pop(id(tensor), None)
            self._given.pop(id(tensor), None)
            if name:
                self._ranges[id(tensor)] = name


def _is_known(range_):
    return bool(torch.isfinite(range_.activation_post_process.min_val).all())


def _is_fused(call):
    """Whether the only call that takes the result is an activation that TFLite computes along with it."""
    if call.name not in FUSING or len(call.consumers) != 1 or call.consumers[0] is None:
        return False
    (activation,) = call.consumers
    if activation.name in ("hardtanh", "hardtanh_"):
        return (activation.argument(1, "min_val"), activation.argument(2, "max_val")) == (0, 6)
    return activation.name in ("relu", "relu_", "relu6")


def _is_global(call):
    return call.argument(1, "output_size") in (1, (1, 1), [1, 1])
