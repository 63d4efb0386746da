"""What SAM sees: the release's rules on random images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.prompt.images import StretchedBGR, image_input, low_resolution
from tasks.release.transforms import nearest, stretched

IMAGES = arrays(
    np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)), fill=st.nothing()
)


@settings(deadline=None)
@given(IMAGES, st.integers(1, 50))
def test_nearest_pixels_are_scikit_image_s_without_antialiasing(
    image: np.ndarray, side: int
) -> None:
    transform = pytest.importorskip("skimage.transform")
    options = dict(order=0, anti_aliasing=False, preserve_range=True)
    ours = nearest(image, (side, side))
    theirs = transform.resize(image, (side, side, 3), **options)
    # Where two pixels are as near, the last bit of a float decides there.
    centres = [(np.arange(side) + 0.5) * n / side for n in image.shape[:2]]
    clear = [np.abs(c - c.round()) > 1e-6 for c in centres]
    assert (ours == theirs)[clear[0]][:, clear[1]].all()


@pytest.mark.parametrize("size", [(300, 420), (512, 512), (1024, 700), (2048, 1536), (37, 50)])
def test_masks_reach_a_quarter_of_the_size_as_scikit_image_brings_them(
    size: tuple[int, int],
) -> None:
    transform = pytest.importorskip("skimage.transform")
    mask = np.random.default_rng(0).integers(0, 8, size, dtype=np.uint8)
    options = dict(order=0, anti_aliasing=False, preserve_range=True)
    large = transform.resize(mask, (1024, 1024), **options)
    theirs = transform.resize(large, (256, 256), **options).astype(np.uint8)
    assert (low_resolution(mask, 1024) == theirs).mean() > 0.999


@settings(deadline=None)
@given(IMAGES)
def test_an_image_is_stretched_to_0_to_254_by_its_darkest_and_brightest_value(
    image: np.ndarray,
) -> None:
    ours = stretched(image)
    flat = [int(value) for value in image.ravel()]
    low, high = min(flat), max(flat)
    for value, result in zip(flat, ours.ravel().tolist(), strict=True):
        assert result == int((value - low) * 255 / (high - low + 0.01))
    assert ours.min() == 0 and ours.max() == (254 if high > low else 0)


@settings(deadline=None)
@given(IMAGES)
def test_the_release_s_input_is_blue_first_with_red_s_mean(image: np.ndarray) -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    tensor = StretchedBGR(16, mean, std)(image).numpy()
    assert tensor.shape == (3, 16, 16) and tensor.dtype == np.float32
    expected = (stretched(nearest(image, (16, 16))).astype(float)[..., [2, 1, 0]] - mean) / std
    assert np.allclose(tensor, expected.transpose(2, 0, 1), atol=1e-5)


def test_another_input_than_the_two_is_named() -> None:
    with pytest.raises(ValueError, match="image_input='grey': choose rgb or stretched_bgr"):
        image_input("grey", 16, (0, 0, 0), (1, 1, 1))
