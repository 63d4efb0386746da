"""Corruptions: fixed, growing with their severity, and those of Pillow and torchvision where these have them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional

from lvmmed_backbones.evaluation.corruption_strengths import STRENGTHS
from lvmmed_backbones.evaluation.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    Changed,
    checked_corruptions,
    corrupt,
)
from tests.lvmmed_backbones.evaluation.pictures import greys


def picture(height: int = 150, width: int = 224, seed: int = 0) -> np.ndarray:
    """Soft blobs with edges, in colour."""
    random = np.random.default_rng(seed)
    coarse = random.integers(30, 220, (9, 12, 3), dtype=np.uint8)
    image = np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    image[height // 3 : height // 2, width // 4 : width // 2] = (200, 60, 120)
    return image


EACH = [(modality, kind) for modality, kinds in STRENGTHS.items() for kind in kinds]


@pytest.mark.parametrize(("modality", "kind"), EACH, ids="/".join)
def test_a_corruption_is_fixed_and_grows_with_its_severity(modality: str, kind: str) -> None:
    image = picture()
    assert len(STRENGTHS[modality][kind]) == len(SEVERITIES)
    found = [corrupt(image, modality, kind, severity) for severity in SEVERITIES]
    again = [corrupt(image, modality, kind, severity) for severity in SEVERITIES]
    assert all((one == other).all() for one, other in zip(found, again, strict=True))
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in found)
    errors = [np.abs(one.astype(int) - image).mean() for one in found]
    # The paper's parameters of a defocus in OCT and of pixels do not grow strictly: a disk of half a pixel is nothing.
    slack = 0.35 if kind == "pixelate" else 0.02
    assert errors[0] >= 0 and errors[4] > 0
    assert all(later >= earlier - slack for earlier, later in pairwise(errors))


def test_all_kinds_have_general_strengths() -> None:
    assert set(STRENGTHS["general"]) == set(CORRUPTIONS)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_grey_images_stay_grey_and_any_size_is_taken(kind: str) -> None:
    for height, width in ((28, 28), (5, 3), (1, 1)):
        grey = np.repeat(picture(height, width)[:, :, :1], 3, 2)
        found = corrupt(grey, "general", kind, 5)
        assert found.shape == grey.shape
        assert (found == found[:, :, :1]).all()
    assert max(corrupt(picture(500, 300), "general", kind, 1).shape) == 224


def test_noise_is_drawn_from_the_content() -> None:
    image, other = picture(), picture(seed=1)
    noise = [corrupt(x, "general", "gaussian_noise", 1).astype(int) - x for x in (image, other)]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.1
    assert noise[0].std() == pytest.approx(255 * 0.04, rel=0.05)
    assert np.abs(corrupt(image, "general", "impulse_noise", 5) != image).mean() == pytest.approx(
        0.17, abs=0.02
    )


def test_gamma_and_blur_are_those_of_torchvision() -> None:
    image = picture(224, 224)
    pillow = Image.fromarray(image)
    for severity, exponent in enumerate(STRENGTHS["general"]["gamma_up"], 1):
        expected = np.array(functional.adjust_gamma(pillow, exponent)).astype(int)
        assert np.abs(corrupt(image, "general", "gamma_up", severity) - expected).max() <= 1
    for severity, width in enumerate(STRENGTHS["microscopy"]["gaussian_blur"], 1):
        expected = np.array(functional.gaussian_blur(pillow, width)).astype(int)
        found = corrupt(image, "microscopy", "gaussian_blur", severity)
        assert np.abs(found - expected)[16:-16, 16:-16].max() <= 3


def test_names_of_corruptions() -> None:
    assert checked_corruptions(["gaussian_noise", "xray/pixelate"]) == [
        ("general", "gaussian_noise"),
        ("xray", "pixelate"),
    ]
    assert checked_corruptions(["oct"]) == [("oct", kind) for kind in STRENGTHS["oct"]]
    for name in ("fog", "xray/fog", "mri", "mri/pixelate", ""):
        with pytest.raises(ValueError, match=rf"no corruption '{name}': choose a modality"):
            checked_corruptions([name])
    with pytest.raises(ValueError, match="corruption pixelate is asked for twice"):
        checked_corruptions(["oct", "pixelate"])


def test_changed_images_have_keys_and_names_of_their_own() -> None:
    data = greys(2)
    places = np.array([3, 1])
    one, other = (Changed(data, places, lambda image: 255 - image, label) for label in "ab")
    assert (one.pixels(0) == 255 - data.pixels(3)).all()
    assert len({*data.keys, *one.keys, *other.keys}) == len(data) + 4
    assert one.names == ["3 (a)", "1 (a)"] and one.name == "grey, a"
    assert one.keys == Changed(data, places, lambda image: image, "a").keys
    assert {len(key) for key in one.keys} == {16}
