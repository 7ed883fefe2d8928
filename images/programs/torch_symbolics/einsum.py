"""Einstein's sums, as transposes and matrix products that every runtime has."""

import torch

from .decomposition import decomposition, sizes


@decomposition("einsum", "equation")
def einsum(equation, tensors):
    """Of two tensors at a time, from the left. What can be summed before a product is summed there."""
    terms, wanted = _terms(equation, [tensor.dim() for tensor in tensors])
    value, labels = tensors[0], terms[0]
    for at in range(1, len(tensors)):
        needed = "".join(terms[at + 1 :]) + wanted
        value, labels = _reduced(value, labels, terms[at] + needed)
        other, other_labels = _reduced(tensors[at], terms[at], labels + needed)
        if _places(wanted, other_labels, labels) < _places(wanted, labels, other_labels):
            value, labels, other, other_labels = other, other_labels, value, labels
        value, labels = _product(value, labels, other, other_labels, needed)
    value, labels = _reduced(value, labels, wanted)
    return _permuted(value, labels, wanted)


def _terms(equation, ranks):
    """The labels of each tensor and of the result, those of an ellipsis being capital letters."""
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    given = given.split(",")
    free = [rank - len(term.replace("...", "")) for term, rank in zip(given, ranks)]
    capitals = "".join(chr(ord("A") + at) for at in range(max(free) if "..." in equation else 0))
    given = [term.replace("...", capitals[len(capitals) - count :]) for term, count in zip(given, free)]
    if not arrow:
        letters = "".join(given)
        wanted = capitals + "".join(
            sorted(label for label in set(letters) - set(capitals) if letters.count(label) == 1)
        )
    return given, wanted.replace("...", capitals)


def _places(wanted, labels, others):
    """Where the result has the first label that is these labels' alone."""
    return min((wanted.find(label) for label in labels if label not in others and label in wanted), default=len(wanted))


def _reduced(value, labels, needed):
    """With each label once, and only those that are needed."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            one, other = labels.index(label), labels.rindex(label)
            value = torch.diagonal(value, 0, one, other)
            labels = labels[:one] + labels[one + 1 : other] + labels[other + 1 :] + label
    summed = [axis for axis, label in enumerate(labels) if label not in needed]
    if summed:
        value = value.sum(summed)
    return value, "".join(label for label in labels if label in needed)


def _product(one, ones, other, others, needed):
    """The product of two tensors, and its labels. Labels that both have, and that are not needed, are summed over."""
    shared = [label for label in ones if label in others]
    batch = "".join(label for label in shared if label in needed)
    summed = "".join(label for label in shared if label not in needed)
    left = "".join(label for label in ones if label not in others)
    right = "".join(label for label in others if label not in ones)
    size = dict(zip(others, sizes(other)))
    size.update((label, max(count, size.get(label, 1))) for label, count in zip(ones, sizes(one)))
    one = _permuted(one, ones, batch + left + summed)
    other = _permuted(other, others, batch + summed + right)
    if not summed or not left + right:
        one = _shaped(one, [*sizes(one)[: len(batch + left)], *[1] * len(right), *sizes(one)[len(batch + left) :]])
        other = _permuted(other, batch + summed + right, batch + right + summed)
        other = _shaped(other, [*sizes(other)[: len(batch)], *[1] * len(left), *sizes(other)[len(batch) :]])
        product = one * other
        axes = list(range(len(batch + left + right), product.dim()))
        return product.sum(axes) if axes else product, batch + left + right
    counts = [torch.Size([size[label] for label in labels]).numel() for labels in (left, summed, right)]
    # Without a batch the axes on the left may stay what they are.
    rows = [size[label] for label in left] if left and not batch else [counts[0]]
    one = _shaped(one, [*sizes(one)[: len(batch)], *rows, counts[1]])
    other = _shaped(other, [*sizes(other)[: len(batch)], *counts[1:]])
    product = torch.matmul(one, other)
    return _shaped(product, [size[label] for label in batch + left + right]), batch + left + right


def _permuted(value, labels, wanted):
    order = [labels.index(label) for label in wanted]
    return value if order == sorted(order) else value.permute(order)


def _shaped(value, shape):
    return value if sizes(value) == shape else value.reshape(shape)
