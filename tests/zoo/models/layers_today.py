"""PyTorch's own recurrent and attention layers, and heads of detectors in the manner of YOLO."""

import torch
from seeding import seeded
from torch import nn

FEATURES, HIDDEN, CLASSES = 12, 24, 5


class Recurrent(nn.Module):
    """A recurrent network over (batch, time, FEATURES), and a linear layer on its last step."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.head = nn.LazyLinear(CLASSES)
        self.forward(torch.zeros(1, 2, FEATURES))

    def forward(self, sequence):
        steps, _ = self.network(sequence)
        return self.head(steps[:, -1])


@seeded()
def lstm():
    return Recurrent(nn.LSTM(FEATURES, HIDDEN, num_layers=2, bidirectional=True, batch_first=True))


@seeded()
def gru():
    return Recurrent(nn.GRU(FEATURES, HIDDEN, num_layers=2, bidirectional=True, batch_first=True))


class Encoder(nn.Module):
    """A Transformer's encoder, which leaves out the steps that the mask leaves out."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, sequence, mask):
        return self.encoder(sequence, src_key_padding_mask=mask == 0)


@seeded()
def transformer_encoder():
    return Encoder()


class Translator(nn.Module):
    """A Transformer whose decoder sees no later step."""

    def __init__(self):
        super().__init__()
        self.transformer = nn.Transformer(32, 4, 2, 2, 64, batch_first=True)

    def forward(self, source, target):
        later = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        return self.transformer(source, target, tgt_mask=later, tgt_is_causal=True)


@seeded()
def transformer():
    return Translator()


class Normed(nn.Module):
    """A decoder's layer of today: RMSNorm, rotated grouped queries, a gated linear unit."""

    def __init__(self, width=32, heads=4, groups=2):
        super().__init__()
        self.head = width // heads
        self.before, self.after = nn.RMSNorm(width), nn.RMSNorm(width)
        self.queries = nn.Linear(width, heads * self.head, bias=False)
        self.keys, self.values = (nn.Linear(width, groups * self.head, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(width, 2 * width, bias=False) for _ in range(2))
        self.down = nn.Linear(2 * width, width, bias=False)

    def forward(self, sequence):
        normed = self.before(sequence)
        queries, keys, values = (
            layer(normed).unflatten(-1, (-1, self.head)).transpose(1, 2)
            for layer in (self.queries, self.keys, self.values)
        )
        queries, keys = self._rotated(queries), self._rotated(keys)
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
        sequence = sequence + mixed.transpose(1, 2).flatten(2)
        normed = self.after(sequence)
        return sequence + self.down(nn.functional.silu(self.gate(normed)) * self.up(normed))

    def _rotated(self, heads):
        half = self.head // 2
        frequencies = 10000.0 ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(heads.shape[2]), frequencies)
        first, second = heads.chunk(2, dim=-1)
        return torch.cat(
            (first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()), -1
        )


@seeded()
def decoder_layer():
    return Normed()


def _block(given, made, stride=1):
    return nn.Sequential(nn.Conv2d(given, made, 3, stride, 1, bias=False), nn.BatchNorm2d(made), nn.SiLU())


class Pyramid(nn.Module):
    """Features of an image at 1/8 and 1/16 of its size, the coarse ones mixed into the fine ones."""

    WIDTHS = (32, 48)

    def __init__(self):
        super().__init__()
        fine, coarse = self.WIDTHS
        self.stem = nn.Sequential(_block(3, 16, 2), _block(16, 24, 2), _block(24, fine, 2))
        self.down = _block(fine, coarse, 2)
        self.pools = nn.MaxPool2d(5, 1, 2)
        self.spread = nn.Conv2d(3 * coarse, coarse, 1)
        self.mix = _block(fine + coarse, fine)

    def forward(self, image):
        fine = self.stem(image)
        coarse = self.down(fine)
        once = self.pools(coarse)
        coarse = self.spread(torch.cat((coarse, once, self.pools(once)), 1))
        return self.mix(
            torch.cat((fine, nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest")), 1)
        ), coarse


class AnchorFree(nn.Module):
    """Boxes as distances from the cells, each the mean of a distribution, and scores: (batch, 4 + CLASSES, cells)."""

    BINS, STRIDES = 8, (8, 16)

    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid()
        self.heads = nn.ModuleList(nn.Conv2d(width, 4 * self.BINS + CLASSES, 1) for width in Pyramid.WIDTHS)

    def forward(self, image):
        levels = [head(features) for head, features in zip(self.heads, self.pyramid(image), strict=True)]
        rows = torch.cat([level.flatten(2) for level in levels], 2)
        distances, scores = rows.split((4 * self.BINS, CLASSES), 1)
        bins = torch.arange(self.BINS).view(1, 1, -1, 1)
        distances = distances.unflatten(1, (4, self.BINS)).softmax(2).mul(bins).sum(2)
        cells = torch.cat([self._cells(level) for level in levels], 1)
        sizes = [level[0, 0].numel() for level in levels]
        strides = torch.tensor(self.STRIDES).repeat_interleave(torch.tensor(sizes), output_size=sum(sizes))
        before, after = distances.chunk(2, 1)
        first, second = cells - before, cells + after
        boxes = torch.cat(((first + second) / 2, second - first), 1) * strides
        return torch.cat((boxes, scores.sigmoid()), 1)

    @staticmethod
    def _cells(level):
        height, width = level.shape[2:]
        down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        return torch.stack((across, down)).flatten(1)


@seeded((1, 3, 64, 64))
def yolo_anchor_free():
    return AnchorFree()


class Anchored(nn.Module):
    """Boxes by three anchors a cell, as the third to the fifth YOLO have them: (batch, boxes, 5 + CLASSES)."""

    ANCHORS = (((10, 13), (16, 30), (33, 23)), ((30, 61), (62, 45), (59, 119)))
    STRIDES = (8, 16)

    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid()
        self.heads = nn.ModuleList(nn.Conv2d(width, 3 * (5 + CLASSES), 1) for width in Pyramid.WIDTHS)
        self.register_buffer("anchors", torch.tensor(self.ANCHORS, dtype=torch.float32).view(2, 1, 3, 1, 1, 2))

    def forward(self, image):
        found = []
        for head, features, anchors, stride in zip(
            self.heads, self.pyramid(image), self.anchors, self.STRIDES, strict=True
        ):
            rows = head(features).unflatten(1, (3, 5 + CLASSES)).permute(0, 1, 3, 4, 2).sigmoid()
            height, width = rows.shape[2:4]
            down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
            cells = torch.stack((across, down), -1)
            centres = (rows[..., :2] * 2 - 0.5 + cells) * stride
            sizes = (rows[..., 2:4] * 2) ** 2 * anchors
            found.append(torch.cat((centres, sizes, rows[..., 4:]), -1).flatten(1, 3))
        return torch.cat(found, 1)


@seeded((1, 3, 64, 64))
def yolo_anchored():
    return Anchored()


class BestBoxes(nn.Module):
    """The boxes of the highest scores, best first, as detectors without suppression end."""

    def __init__(self):
        super().__init__()
        self.detector = AnchorFree()

    def forward(self, image):
        boxes, scores = self.detector(image).split((4, CLASSES), 1)
        best, classes = scores.max(1)
        best, at = best.topk(10, 1)
        return boxes.gather(2, at.unsqueeze(1).expand(-1, 4, -1)), best, classes.gather(1, at)


@seeded((1, 3, 64, 64))
def yolo_best_boxes():
    return BestBoxes()
