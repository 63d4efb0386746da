"""Views and their positions: a marked pixel is found again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import GaussianBlur

from lvmmed_backbones.pretrain.views import Blur, RandomViews, cell_positions


def marked(height: int, width: int) -> np.ndarray:
    """An image whose blue and green tell each pixel's column and row, as fractions of 250."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.round(250 * (x + 0.5) / width)
    image[..., 1] = np.round(250 * (y + 0.5) / height)
    return image


@given(
    st.integers(40, 200), st.integers(40, 200), st.integers(0, 2**31), st.sampled_from([0.0, 1.0])
)
@settings(max_examples=60, deadline=None)
def test_a_marked_pixel_is_found_again(height: int, width: int, seed: int, flip: float) -> None:
    np.random.seed(seed)
    views = RandomViews([dict(number=2, size=32, scale=(0.3, 1.0))], flip=flip)
    result = views(dict(img=marked(height, width)))
    where = result["data_samples"].views
    assert where.shape == (2, 5) and (where[:, 4] == flip).all()
    for pixels, view in zip(result["inputs"], where, strict=True):
        cells = cell_positions(view[None], 4, 4)[0]
        seen = pixels.float().unflatten(1, (4, 8)).unflatten(3, (4, 8)).mean(dim=(2, 4)) / 250
        told = cells.unflatten(0, (4, 4)).permute(2, 0, 1)
        assert (seen[:2] - told).abs().max() < 0.03


def test_cells_of_a_known_crop() -> None:
    quarter = torch.tensor([[0.5, 0.0, 0.5, 0.5, 0.0], [0.5, 0.0, 0.5, 0.5, 1.0]])
    plain, flipped = cell_positions(quarter, 1, 2)
    assert plain.tolist() == [[0.625, 0.25], [0.875, 0.25]]
    assert flipped.tolist() == [[0.875, 0.25], [0.625, 0.25]]


def test_views_repeat_with_the_seed_and_differ_without() -> None:
    views = RandomViews(
        [dict(number=2, size=16, scale=(0.2, 1.0)), dict(number=3, size=8, scale=(0.1, 0.2))]
    )
    results = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        results.append(views(dict(img=marked(50, 60))))
    assert [tuple(x.shape) for x in results[0]["inputs"]] == [(3, 16, 16)] * 2 + [(3, 8, 8)] * 3
    one, same, other = (r["data_samples"].views for r in results)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_an_image_that_no_crop_fits_is_taken_whole() -> None:
    views = RandomViews([dict(number=1, size=8, scale=(1.0, 1.0))], flip=0)
    result = views(dict(img=marked(4, 400)))
    assert result["data_samples"].views.tolist() == [[0, 0, 1, 1, 0]]


@pytest.mark.parametrize(
    "crop",
    [
        dict(number=0, size=8, scale=(0.2, 1)),
        dict(number=1, size=0, scale=(0.2, 1)),
        dict(number=1, size=8, scale=(0.5, 0.2)),
        dict(number=1, size=8, scale=(0.2, 1.2)),
    ],
)
def test_senseless_crops_are_refused(crop: dict) -> None:
    with pytest.raises(ValueError, match="a crop is"):
        RandomViews([crop])


def test_the_blur_is_that_of_torchvision() -> None:
    """The same draw of sigma, too: the seed is the same."""
    image = np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)
    for seed in range(20):
        torch.manual_seed(seed)
        ours = Blur(23, (0.1, 2.0))(dict(img=image))["img"]
        torch.manual_seed(seed)
        theirs = GaussianBlur(23, (0.1, 2.0))(torch.from_numpy(image).permute(2, 0, 1))
        away = np.abs(ours.astype(int) - theirs.permute(1, 2, 0).numpy().astype(int))
        assert away.max() <= 2
