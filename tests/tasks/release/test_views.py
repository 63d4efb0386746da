"""The random view of FGADR against torchvision's transforms of PIL's images, which the release uses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import functional as F

from tasks.release.views import RandomView


def view(image: NDArray, name: str = "a", **arguments) -> NDArray:
    results = dict(img=image.copy(), img_path=f"images/{name}.png")
    results = RandomView(**arguments)(results)
    assert results["img_shape"] == results["img"].shape[:2] == (arguments["crop_size"],) * 2
    return results["img"]


def numbered(height: int, width: int) -> NDArray[np.uint8]:
    """Each pixel has its row, its column and a third number, so that a view tells where it is from."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows + 60, columns + 40, (3 * rows + columns) % 150 + 20], -1).astype(np.uint8)


@settings(deadline=None)
@given(
    st.integers(1, 20), st.integers(0, 25), st.integers(0, 25), st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0]),
)  # fmt: skip
def test_a_view_is_torchvision_s_of_the_same_place(
    side: int, higher: int, wider: int, seed: int, flip: float, autocontrast: float
) -> None:
    image = numbered(side + higher, side + wider)
    arguments = dict(crop_size=side, flip=flip, seed=seed)
    plain = view(image, autocontrast=0.0, **arguments)
    corner = plain[0, -1 if flip else 0].astype(int)
    top, left = int(corner[0]) - 60, int(corner[1]) - 40
    assert 0 <= top <= higher and 0 <= left <= wider
    wanted = F.crop(Image.fromarray(image), top, left, side, side)
    if flip:
        wanted = F.hflip(wanted)
    assert (plain == np.asarray(wanted)).all()
    stretched = view(image, autocontrast=autocontrast, **arguments)
    if autocontrast:
        wanted = F.autocontrast(wanted)
    assert (stretched == np.asarray(wanted)).all()


def test_places_flips_and_contrasts_have_the_release_s_probabilities() -> None:
    """Of 4000 views each of the 3 x 4 places, 0.5 mirrored and 0.2 stretched, within four deviations."""
    np.random.seed(0)
    image, count = numbered(12, 13), 4000
    views = [view(image, crop_size=10) for _ in range(count)]
    stretched = np.array([v[..., 0].min() == 0 for v in views])
    plain = [v.astype(int) for v, s in zip(views, stretched, strict=True) if not s]
    flipped = np.array([v[0, 0, 1] > v[0, 1, 1] for v in plain])
    assert abs(stretched.mean() - 0.2) < 4 * (0.2 * 0.8 / count) ** 0.5
    assert abs(flipped.mean() - 0.5) < 4 * (0.25 / len(plain)) ** 0.5
    places = [(v[0, 0, 0] - 60, v[0].min(0)[1] - 40) for v in plain]
    counts = np.array([places.count((top, left)) for top in range(3) for left in range(4)])
    assert counts.sum() == len(plain)
    assert (abs(counts - len(plain) / 12) < 4 * (len(plain) / 12) ** 0.5).all()


def test_a_seed_gives_an_image_the_same_view_whatever_was_drawn_before() -> None:
    image = numbered(60, 60)
    np.random.seed(0)
    first = [view(image, f"{n}", crop_size=20, seed=3) for n in range(8)]
    np.random.seed(1)
    state = np.random.get_state()[1].tolist()
    again = [view(image, f"{n}", crop_size=20, seed=3) for n in reversed(range(8))]
    assert np.random.get_state()[1].tolist() == state, "it draws nothing from numpy's generator"
    assert all((a == b).all() for a, b in zip(first, reversed(again), strict=True))
    assert len({v.tobytes() for v in first}) == 8, "each image has its own"
    other = [view(image, f"{n}", crop_size=20, seed=4) for n in range(8)]
    assert not {v.tobytes() for v in first} & {v.tobytes() for v in other}


def test_without_a_seed_the_view_follows_numpy_s_generator() -> None:
    image = numbered(60, 60)
    made = []
    for _ in range(2):
        np.random.seed(5)
        made.append([view(image, crop_size=20).tobytes() for _ in range(5)])
    assert made[0] == made[1] and len({*made[0]}) == 5


def test_an_image_smaller_than_the_crop_is_named() -> None:
    with pytest.raises(ValueError, match=r"images/a.png: 30 x 20 px, smaller than a crop of 24"):
        view(np.zeros((20, 30, 3), np.uint8), crop_size=24)
