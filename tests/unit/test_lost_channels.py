"""Where integer variants are judged, and what they lose of an output whose values differ in size."""

import numpy as np
import pytest

from pinlite.parity import lost_channels

RANDOM = np.random.RandomState(0)
BOXES = RANDOM.uniform(0, 600, (1, 4, 8, 8))
SCORES = RANDOM.uniform(0.2, 0.8, (1, 2, 8, 8))
STEP = 600 / 255


def rounded(array, step=STEP):
    return np.round(array / step) * step


def lost(reference, computed=None, scale=STEP, chosen=True):
    made = rounded(reference, scale) if computed is None else computed
    return lost_channels.lost("int8", "y", reference.astype("f"), [made, made], scale, profile=None, chosen=chosen)


def test_scores_beside_boxes():
    found = lost(np.concatenate([BOXES, SCORES], 1))
    assert (found.axis, found.channels, found.size, found.failed) == (1, (4, 5), 6, True)
    assert found.spread == pytest.approx(np.ptp(SCORES, axis=(0, 2, 3)).max(), rel=1e-6)
    text = lost_channels.words(found)
    assert "int8 has lost 4 and 5 of 6 along axis 1 of output 'y'" in text
    assert "here 2.4" in text
    assert not lost(np.concatenate([BOXES, SCORES], 1), chosen=False).failed


def test_detectors_have_them_along_the_last_axis():
    rows = np.concatenate([RANDOM.uniform(0, 600, (1, 50, 4)), RANDOM.uniform(0, 1, (1, 50, 81))], 2)
    found = lost(rows)
    assert (found.axis, found.channels, found.size) == (2, tuple(range(4, 85)), 85)
    assert "4 to 84 of 85 along axis 2" in lost_channels.words(found)


def test_an_output_of_their_own_keeps_them():
    assert lost(SCORES, scale=1 / 255) is None
    assert lost(BOXES) is None


def test_a_whole_output_that_is_constant():
    found = lost(SCORES, computed=np.zeros_like(SCORES), scale=1 / 255)
    assert (found.axis, found.failed) == (None, True)
    assert "int8 has lost output 'y': it is constant" in lost_channels.words(found)
    # Without a scale of its own, it is computed in floats of what was lost before.
    assert lost(SCORES, computed=np.zeros_like(SCORES), scale=None) is not None


@pytest.mark.parametrize(
    ("reference", "made"),
    [
        (np.zeros((1, 4, 8, 8)), None),
        (np.full((1, 4, 8, 8), 3.0), np.zeros((1, 4, 8, 8))),
        (5 + RANDOM.uniform(-1e-6, 1e-6, (1, 4, 8, 8)), None),
        # Channels of one value, and with no more than rounding, beside others.
        (np.concatenate([BOXES, np.full((1, 1, 8, 8), 0.3)], 1), None),
        (np.concatenate([BOXES, RANDOM.uniform(-1e-4, 1e-4, (1, 1, 8, 8))], 1), None),
        # Of a large number, a little more or less.
        (np.concatenate([BOXES, 300 + RANDOM.uniform(0, 0.5, (1, 1, 8, 8))], 1), None),
        # What a ReLU leaves of next to nothing.
        (np.concatenate([BOXES, np.maximum(RANDOM.uniform(-9, 1, (1, 1, 8, 8)), 0)], 1), None),
        # A number for each class.
        (RANDOM.normal(size=(1, 1000)) * 100, None),
        (np.array([[1.0, 200.0]]), np.array([[0.0, 200.0]])),
        (np.array([[7, 8, 9]]), np.array([[7, 7, 7]])),
        (np.array([np.nan, 1.0] * 8), np.zeros(16)),
    ],
)
def test_what_is_no_loss(reference, made):
    found = lost_channels.lost(
        "int8", "y", reference, [rounded(reference) if made is None else made], STEP, profile=None, chosen=True
    )
    assert found is None


def test_what_one_runtime_still_tells_apart_is_not_lost():
    whole = np.concatenate([BOXES, SCORES], 1)
    found = lost_channels.lost("int8", "y", whole, [rounded(whole), whole], STEP, profile=None, chosen=True)
    assert found is None


def test_a_channel_among_many_is_told_only():
    many = np.concatenate([RANDOM.uniform(0, 600, (1, 31, 8, 8)), SCORES[:, :1]], 1)
    found = lost(many)
    assert (found.channels, found.failed) == ((31,), False)


def test_channels_of_one_size_of_which_one_is_near_zero():
    weak = 50 + RANDOM.uniform(-2, 2, (1, 4, 8, 8))
    assert lost(np.concatenate([weak, RANDOM.uniform(-1, 1, (1, 1, 8, 8))], 1)) is None


def test_ranges_hold_zero_and_a_step_more():
    known = lost_channels.ranges({"x": np.array([1.0, 5.0], np.float32), "ids": np.array([3])})
    assert known == {"x": (0.0, 5.0)}
    inside = {"x": np.array([0.0, 5.0 + 4.9 / 255], np.float32), "ids": np.array([99])}
    assert not lost_channels.beyond(known, inside)
    assert lost_channels.beyond(known, inside | {"x": np.array([-1.0], np.float32)})
    assert lost_channels.beyond(known, inside | {"x": np.array([6.0], np.float32)})
    assert not lost_channels.beyond(known, inside | {"x": np.zeros((0, 3), np.float32)})


def test_what_is_beside_a_mask_is_lost_though_not_constant():
    logits = RANDOM.normal(size=(4, 12)).astype("f")
    masked = np.where(RANDOM.uniform(size=(4, 12)) < 0.3, np.float32(-1e9), logits)
    found = lost_channels.lost(
        "int8", "y", masked, [np.where(masked < -1e8, -1e9, 0.0)], 4e6, profile=None, chosen=True
    )
    assert found.failed
    assert "int8 has lost the values of output 'y' that are not masked (-1e+09)" in lost_channels.words(found)
    assert "-50" in lost_channels.hint(found)
    near = np.where(masked < -1e8, -1e9, np.round(logits * 20) / 20)
    assert lost_channels.lost("int8", "y", masked, [near], 4e6, profile=None, chosen=True) is None


def test_channels_may_be_the_last_axis_of_an_image_too():
    rows = np.moveaxis(np.concatenate([BOXES, SCORES], 1), 1, -1)
    found = lost(rows)
    assert (found.axis, found.channels) == (3, (4, 5))


def test_of_a_few_values_only_those_within_half_a_step_are_lost():
    whole = np.zeros((4, 2), "f")
    whole[:, 0] = [0, 900, 300, 600]
    for spread, is_lost in ((1.0, True), (4.0, False)):
        whole[:, 1] = np.linspace(0.3, 0.3 + spread, 4)
        made = whole.copy()
        made[:, 1] = 0
        found = lost_channels.lost("int8", "y", whole, [made], 3.5, profile=None, chosen=True)
        assert bool(found) == is_lost
