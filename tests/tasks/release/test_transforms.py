"""How images are read: nearest pixels, each image stretched, in the release's order of operations."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import resize

from tasks.release.transforms import NearestResize, Stretch, nearest

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 700)


def drawn(seed: int, *shape: int, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape, dtype=np.uint8)


def by_scikit_image(image: np.ndarray, side: int) -> np.ndarray:
    return resize(
        image, (side, side), order=0, preserve_range=True, anti_aliasing=False
    ).astype(np.uint8)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(SEEDS, SIDES, SIDES, st.sampled_from([64, 224, 256]))
def test_images_and_masks_are_resized_as_by_scikit_image_s_order_0(
    seed: int, height: int, width: int, side: int
) -> None:
    image, mask = drawn(seed, height, width, 3), drawn(seed + 1, height, width, high=8)
    results = NearestResize((side, side))(dict(img=image, gt_seg_map=mask))
    assert results["img_shape"] == (side, side)
    assert (results["img"] == by_scikit_image(image, side)).all()
    assert (results["gt_seg_map"] == by_scikit_image(mask, side)).all()


@pytest.mark.parametrize("length", [448, 512, 576, 768, 1024])
def test_centres_just_between_two_pixels_are_rounded_as_by_scikit_image(length: int) -> None:
    """MMWHS's slices have 512 pixels, which become 224."""
    image = np.arange(length, dtype=np.float32)[None].repeat(2, 0)
    theirs = resize(image, (2, 224), order=0, preserve_range=True, anti_aliasing=False)
    assert (nearest(image, (224, 2)) == theirs).all()


def test_the_ratio_of_the_sides_is_not_kept() -> None:
    image = np.arange(8, dtype=np.uint8).reshape(2, 4)
    assert nearest(image, (2, 4)).tolist() == [[1, 3], [1, 3], [5, 7], [5, 7]]


@settings(deadline=None)
@given(SEEDS, st.integers(0, 255), st.integers(1, 256), st.sampled_from([0.01, 0.0]))
def test_an_image_is_stretched_over_all_channels_together_in_the_release_s_order(
    seed: int, low: int, width: int, gap: float
) -> None:
    image = drawn(seed, 5, 6, 3, low=low, high=min(low + width, 256))
    stretched = Stretch(gap)(dict(img=image))["img"]
    low, high = int(image.min()), int(image.max())
    if low == high:
        assert not stretched.any()
        return
    factor = 1 / (gap + high - low) * 255
    assert stretched.tolist() == [
        [[int((int(v) - low) * factor) for v in px] for px in row] for row in image
    ]
    assert stretched.min() == 0 and stretched.max() <= (254 if gap else 255)


def test_the_top_value_without_the_gap_is_254_where_the_product_is_rounded_down() -> None:
    tops = [
        Stretch(0.0)(dict(img=np.array([[0, r]], np.uint8)))["img"].max() for r in range(1, 256)
    ]
    assert set(tops) == {254, 255} and tops[254] == 255
    assert tops == [int(r * (1 / r * 255)) for r in range(1, 256)]


@pytest.mark.parametrize("gap", [0.01, 0.0])
def test_an_image_of_one_value_becomes_0_without_a_warning(gap: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Stretch(gap)(dict(img=np.full((2, 2, 3), 7, np.uint8)))["img"].any()
