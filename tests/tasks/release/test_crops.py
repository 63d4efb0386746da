"""Training images are cropped around the findings as by albumentations 1.2.1's RandomSizedBBoxSafeCrop.

recorded/safe_crops.json holds what that version did to random boxes with given random numbers, to crops of 400 x 300.
Later versions crop otherwise, and all of them need opencv-python-headless, which mmcv does not bear beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.structures.bbox import HorizontalBoxes

from tasks.release.crops import BoxSafeCrop, crop_boxes, draw_crop

RECORDED = json.loads((Path(__file__).parent / "recorded" / "safe_crops.json").read_text())
SIDES = st.integers(8, 600)


def drawn_boxes(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A few boxes of at least 2 pixels, within the image."""
    size = np.array([width, height])
    low = rng.random((rng.integers(1, 6), 2)) * (size - 2)
    high = low + 2 + rng.random(low.shape) * (size - low - 2)
    return np.hstack([low, high])


def results(image: np.ndarray, boxes: np.ndarray) -> dict:
    return dict(
        img=image,
        img_shape=image.shape[:2],
        gt_bboxes=HorizontalBoxes(torch.tensor(boxes, dtype=torch.float32)),
        gt_bboxes_labels=np.arange(len(boxes)),
        gt_ignore_flags=np.zeros(len(boxes), bool),
    )


def test_crops_and_boxes_are_those_of_albumentations() -> None:
    assert len(RECORDED) == 100
    for case in RECORDED:
        boxes, size = np.array(case["boxes"]), tuple(case["size"])
        crop = draw_crop(boxes, size, case["erosion"], np.array(case["draws"]))
        moved, kept = crop_boxes(boxes, crop)
        assert list(crop) == case["crop"]
        assert np.flatnonzero(kept).tolist() == case["kept"]
        assert moved[kept] * [400, 300, 400, 300] == pytest.approx(
            np.array(case["moved"]), abs=2e-3
        )


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), SIDES, SIDES)
def test_a_crop_lies_in_the_image_and_holds_the_middle_of_every_box(
    seed: int, width: int, height: int
) -> None:
    rng = np.random.default_rng(seed)
    boxes = drawn_boxes(rng, width, height)
    left, top, wide, high = draw_crop(boxes, (width, height), 0.2, rng.random(4))
    assert left >= 0 and top >= 0 and wide >= 1 and high >= 1
    assert left + wide <= width and top + high <= height
    sides = boxes[:, 2:] - boxes[:, :2]
    inner_low, inner_high = boxes[:, :2] + 0.2 * sides, boxes[:, 2:] - 0.2 * sides
    # The size is cut to whole pixels, and the corner too: two of them may be missing.
    assert (inner_low >= [left - 2, top - 2]).all()
    assert (inner_high <= [left + wide + 2, top + high + 2]).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), SIDES, SIDES)
def test_every_kept_box_lies_in_the_crop(seed: int, width: int, height: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = drawn_boxes(rng, width, height)
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    np.random.seed(seed)
    made = BoxSafeCrop((96, 80))(results(places, boxes))
    if made is None:
        return
    assert made["img"].shape[:2] == made["img_shape"] == (80, 96)
    found, kept = made["gt_bboxes"].tensor.numpy(), made["gt_bboxes_labels"]
    assert len(found) == len(kept) == len(made["gt_ignore_flags"])
    assert (found >= 0).all() and (found <= [96, 80, 96, 80]).all()
    assert (found[:, 2:] > found[:, :2]).all()
    np.random.seed(seed)
    left, top, wide, high = draw_crop(
        np.float32(boxes).astype(float), (width, height), 0.2, np.random.random(4)
    )
    cut = cv2.resize(places[top : top + high, left : left + wide], (96, 80))
    assert np.array_equal(made["img"], cut)
    back = found / [96, 80, 96, 80] * [wide, high, wide, high] + [left, top, left, top]
    seen = np.clip(boxes[kept], [left, top] * 2, [left + wide, top + high] * 2)
    assert back == pytest.approx(seen, abs=1e-2)


def test_an_image_whose_boxes_vanish_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    assert BoxSafeCrop((16, 16))(results(image, np.zeros((0, 4)))) is None
    # The size of the crop is cut to whole pixels: a box thinner than one may fall out of it.
    monkeypatch.setattr("tasks.release.crops.draw_crop", lambda *_: (0, 0, 10, 10))
    assert BoxSafeCrop((16, 16))(results(image, np.array([[20.0, 20, 30, 30]]))) is None
    two = results(image, np.array([[20.0, 20, 30, 30], [2, 3, 12, 5]]))
    kept = BoxSafeCrop((20, 20))(two)
    assert kept["gt_bboxes"].tensor.tolist() == [[4, 6, 20, 10]]
    assert kept["gt_bboxes_labels"].tolist() == [1] and len(kept["gt_ignore_flags"]) == 1


def test_crops_follow_numpy_s_seed() -> None:
    """Which EpochSeedHook and the loaders' processes set, so that a resumed run draws what the whole run drew."""
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    boxes = np.array([[10.0, 20, 30, 40]])
    images = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        images.append(BoxSafeCrop((32, 32))(results(image, boxes))["img"])
    assert (images[0] == images[1]).all() and (images[0] != images[2]).any()
