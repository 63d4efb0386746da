"""Boxes: the release's rules (protocols, section 4) on random masks, and boxes that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.prompt.boxes import check_boxes, moved, random_box, tight_box

MASKS = arrays(
    np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)


@settings(deadline=None)
@given(MASKS)
def test_the_tight_box_touches_the_first_and_last_pixel_of_any_structure(mask: np.ndarray) -> None:
    marked = [(x, y) for y, row in enumerate(mask) for x, value in enumerate(row) if value > 0]
    if not marked:
        assert tight_box(mask) is None
        return
    xs, ys = zip(*marked, strict=True)
    assert tight_box(mask).tolist() == [min(xs), min(ys), max(xs), max(ys)]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 255), min_size=4, max_size=4))
def test_each_side_moves_outwards_by_less_than_twenty_and_stops_at_the_border(
    seed: int, values: list[int]
) -> None:
    x1, x2 = sorted(values[:2])
    y1, y2 = sorted(values[2:])
    box = moved(np.array([x1, y1, x2, y2], float), 20, 256, np.random.default_rng(seed))
    for side, at_first, now in zip("lt", (x1, y1), box[:2], strict=True):
        assert max(0, at_first - 19) <= now <= at_first, side
    for side, at_first, now in zip("rb", (x2, y2), box[2:], strict=True):
        assert at_first <= now <= min(256, at_first + 19), side
    assert (box == box.round()).all()


def test_each_side_moves_by_every_number_from_0_to_19_on_its_own() -> None:
    rng, middle = np.random.default_rng(0), np.array([100.0, 100, 150, 150])
    steps = np.abs([moved(middle, 20, 256, rng) - middle for _ in range(2000)])
    for side in steps.T:
        values, counts = np.unique(side, return_counts=True)
        assert values.tolist() == list(range(20)) and counts.min() > 50
    assert np.abs(np.corrcoef(steps.T) - np.eye(4)).max() < 0.1


def test_without_noise_a_box_stays() -> None:
    box = np.array([3.0, 4, 5, 6])
    assert (moved(box, 0, 256, np.random.default_rng(0)) == box).all()


def test_the_random_box_is_a_normal_point_clipped_on_one_side_only() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([random_box(20, 1024, rng) for _ in range(4000)])
    first, last = boxes[:, :2], boxes[:, 2:]
    assert first.min() == 0 and last.max() == 1024, "left at 0, right at the size"
    assert last.min() < -2000 and first.max() > 2000, "and nothing on the other sides"
    assert 0.45 < (last[:, 0] < 10).mean() < 0.55, "half the points lie left of the image"
    inner = boxes[(first > 19).all(1) & (last < 1000).all(1)]
    assert ((inner[:, 2:] - inner[:, :2]) <= 38).all()
    # At 4 times the size, about half lie at or beyond the edge: beyond 256 or below 0 in x or y, 68 and 50 % each.
    assert (
        900 < np.std(np.minimum(first[:, 0], 5000)[first[:, 0] > 0]) / np.sqrt(1 - 2 / np.pi) < 1150
    )


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 65, 3]], r"a: the box \(0, 0, 65, 3\) leaves the image.*64 x 64.*clip it"),
        ([[-1, 0, 5, 3]], r"a: the box \(-1, 0, 5, 3\) leaves the image"),
        ([[5, 0, 4, 3]], r"a: the box \(5, 0, 4, 3\) is empty.*x1 <= x2"),
        ([[0, np.nan, 4, 3]], r"a: the box \(0, nan, 4, 3\) is empty"),
        ([[0, 0, np.inf, 3]], r"a: the box \(0, 0, inf, 3\) is empty"),
        ([[1, 2, 3]], r"boxes of shape \(1, 3\) for 1 images: give \(x1, y1, x2, y2\)"),
        ([], r"boxes of shape \(0,\) for 1 images"),
    ],
)
def test_a_box_that_is_none_is_named(boxes: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_boxes(np.array(boxes, float), 64, ["a"])


def test_boxes_at_the_border_are_boxes() -> None:
    check_boxes(np.array([[0.0, 0, 64, 64], [3, 3, 3, 3]]), 64, ["a", "b"])
