"""The boxes of several readers are fused as by ensemble-boxes 1.0.8, in the release's order of operations.

recorded/fused_boxes.json holds what convert_to_coco.py:230-278 made of random and odd tables with ensemble-boxes 1.0.8
and numpy 1.24, the last with the release's order of equal scores. The package needs numba, so it is no requirement.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.release.fusion import SAME, fuse_readers, ious, weighted_boxes_fusion

RECORDED = json.loads((Path(__file__).parent / "recorded" / "fused_boxes.json").read_text())
SIDE = 512
CORNERS = st.tuples(*[st.integers(0, 2 * SIDE)] * 4).map(
    lambda c: (min(c[0], c[2]) / 2, min(c[1], c[3]) / 2, max(c[0], c[2]) / 2, max(c[1], c[3]) / 2)
)
SOUND = CORNERS.filter(lambda c: c[0] < c[2] and c[1] < c[3])
TABLES = st.lists(st.tuples(st.integers(0, 13), SOUND).map(lambda p: (p[0], *p[1])), max_size=12)


def test_boxes_are_fused_as_by_ensemble_boxes() -> None:
    assert len(RECORDED) > 80
    for case in RECORDED:
        fused = fuse_readers([tuple(box) for box in case["boxes"]], *case["size"])
        assert sorted(fused) == sorted(map(tuple, case["fused"]))
        # Fused boxes precede single ones.
        count = case["of_several"]
        assert sorted(fused[:count]) == sorted(map(tuple, case["fused"][:count]))


def test_three_readers_by_hand() -> None:
    boxes = [
        (8, 10, 10, 30, 30), (3, 100.04, 50, 120.08, 70.26), (8, 12, 10, 32, 30), (8, 200, 200, 260, 240),
        (8, 14, 13, 34, 33),
    ]  # fmt: skip
    *fused, single = fuse_readers(boxes, SIDE, SIDE)
    assert sorted(fused) == [(8, 12.0, 11.0, 20.0, 20.0), (8, 200.0, 200.0, 60.0, 40.0)]
    assert single == (3, 100.0, 50.0, 20.0, 20.3)


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_classes_are_never_mixed_and_one_box_stays(boxes: list[tuple]) -> None:
    fused = fuse_readers(boxes, SIDE, SIDE)
    for label in {box[0] for box in boxes}:
        mine = [box for box in boxes if box[0] == label]
        alone = [box for box in fused if box[0] == label]
        assert sorted(alone) == sorted(fuse_readers(mine, SIDE, SIDE))
        assert len(alone) <= len(mine)
        if len(mine) == 1:
            _, left, top, right, bottom = mine[0]
            wanted = (label, *(round(v, 1) for v in (left, top, right - left, bottom - top)))
            assert alone == [wanted]


@settings(deadline=None, max_examples=60)
@given(st.lists(SOUND, min_size=1, max_size=12))
def test_fused_boxes_are_means_of_parts_of_the_boxes(corners: list[tuple]) -> None:
    """Each box is in one cluster, so the means, weighted by the sizes of the clusters, sum up to the sum of all."""
    boxes = np.array(corners) / SIDE
    means = weighted_boxes_fusion(boxes)
    assert 1 <= len(means) <= len(boxes)
    assert (means >= boxes.min(0) - 1e-6).all() and (means <= boxes.max(0) + 1e-6).all()
    counts, *_ = np.linalg.lstsq(means.T, boxes.sum(0), rcond=None)
    assert means.T @ counts == pytest.approx(boxes.sum(0), abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.lists(SOUND, min_size=1, max_size=12))
def test_boxes_apart_stay(corners: list[tuple]) -> None:
    apart: list[np.ndarray] = []
    for box in np.array(corners) / SIDE:
        if not apart or (ious(np.array(apart), box) <= SAME).all():
            apart.append(box)
    assert weighted_boxes_fusion(np.array(apart)).tolist() == np.array(apart)[::-1].tolist()


@settings(deadline=None)
@given(SOUND, st.integers(1, 12))
def test_equal_boxes_become_one(corners: tuple, times: int) -> None:
    boxes = np.array([corners] * times) / SIDE
    assert weighted_boxes_fusion(boxes) == pytest.approx(boxes[:1], abs=1e-6)


def test_a_box_joins_above_the_bound_alone() -> None:
    small, large = [0, 0, 1 / 8, 1 / 8], [0, 0, 5 / 8, 1 / 8]
    assert len(weighted_boxes_fusion(np.array([small, large]))) == 2  # IoU 0.2
    assert len(weighted_boxes_fusion(np.array([[0, 0, 0.126, 1 / 8], large]))) == 1


def test_the_last_row_begins() -> None:
    """A chain: each overlaps its neighbours, so where it is begun decides on the clusters."""
    chain = np.array([[0.08 * n, 0.1, 0.08 * n + 0.2, 0.3] for n in range(4)])
    forwards, backwards = weighted_boxes_fusion(chain), weighted_boxes_fusion(chain[::-1])
    assert forwards[0][2] > backwards[0][2]


def test_what_rounding_leaves_without_area_is_dropped() -> None:
    thin = (1, 10.0, 10.0, 10.04, 20.0)
    at_the_border = (2, 511.96, 10.0, 512.3, 20.0)
    assert fuse_readers([thin, at_the_border, (3, 1, 1, 2, 2)], SIDE, SIDE) == [(3, 1, 1, 1, 1)]
    assert fuse_readers([], SIDE, SIDE) == []
