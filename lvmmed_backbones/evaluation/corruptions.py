"""Fixed corruptions of images in five severities: the kinds and strengths of MedMNIST-C, by numpy, OpenCV and Pillow.

Di Salvo, Doerrich and Ledig, "MedMNIST-C: Comprehensive benchmark and improved classifier robustness by simulating
realistic image corruptions", arXiv:2406.17536, 2024; their registry of parameters is Apache-2.0. What is drawn for one
set alone (stains, bubbles, characters, black corners) is left out. Motion blurs along a line, without ImageMagick.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from lvmmed_backbones.evaluation.corruption_strengths import STRENGTHS

SIDE = 224  # pixels that strengths are for
SEVERITIES = (1, 2, 3, 4, 5)
VERSION = 1  # raised when a corruption changes: features of changed images are kept
Corruption = Callable[[NDArray[np.uint8], Any, np.random.Generator], NDArray[np.uint8]]


def _enhanced(enhance: Callable[[Image.Image], Any]) -> Corruption:
    def corruption(image: NDArray[np.uint8], factor: float, _: Any) -> NDArray[np.uint8]:
        return np.asarray(enhance(Image.fromarray(image)).enhance(factor))

    return corruption


def _noisy(
    add: Callable[[NDArray[np.float64], float, np.random.Generator], NDArray[np.float64]],
) -> Corruption:
    """Noise on intensities from 0 to 1; the same for all channels of a grey image."""

    def corruption(
        image: NDArray[np.uint8], strength: float, random: np.random.Generator
    ) -> NDArray[np.uint8]:
        grey = (image == image[:, :, :1]).all()
        pixels = image[:, :, :1] if grey else image
        noisy = _bytes(255 * add(pixels / 255, strength, random))
        return np.repeat(noisy, 3, axis=2) if grey else noisy

    return corruption


def _gaussian_noise(
    pixels: NDArray[np.float64], deviation: float, random: np.random.Generator
) -> NDArray[np.float64]:
    return pixels + deviation * random.standard_normal(pixels.shape)


def _speckle_noise(
    pixels: NDArray[np.float64], deviation: float, random: np.random.Generator
) -> NDArray[np.float64]:
    return pixels * (1 + deviation * random.standard_normal(pixels.shape))


def _impulse_noise(
    pixels: NDArray[np.float64], share: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Salt and pepper, as scikit-image draws them: each channel by itself."""
    hit, salt = random.random(pixels.shape) < share, random.random(pixels.shape) < 0.5
    return np.where(hit, salt, pixels)


def _shot_noise(
    pixels: NDArray[np.float64], photons: float, random: np.random.Generator
) -> NDArray[np.float64]:
    return random.poisson(pixels * photons) / photons


def _pixelate(image: NDArray[np.uint8], factor: float, _: Any) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    small = (max(1, int(width * factor)), max(1, int(height * factor)))
    coarse = Image.fromarray(image).resize(small, Image.Resampling.BOX)
    return np.asarray(coarse.resize((width, height), Image.Resampling.BOX))


def _jpeg_compression(image: NDArray[np.uint8], quality: int, _: Any) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _gaussian_blur(image: NDArray[np.uint8], width: float, _: Any) -> NDArray[np.uint8]:
    """Of the deviation that torchvision gives a kernel of this width."""
    deviation = (0.3 * ((width - 1) * 0.5 - 1) + 0.8) * _scale(image)
    return cv2.GaussianBlur(image, (0, 0), deviation)


def _defocus_blur(
    image: NDArray[np.uint8], strength: tuple[float, float], _: Any
) -> NDArray[np.uint8]:
    """A disk, its edge softened."""
    radius, soft = strength[0] * _scale(image), strength[1]
    reach = np.arange(-int(np.ceil(radius)) - 1, int(np.ceil(radius)) + 2)
    disk = (reach[:, None] ** 2 + reach**2 <= radius**2).astype(np.float64)
    disk = cv2.GaussianBlur(disk, (3, 3), soft)
    return cv2.filter2D(image, -1, disk / disk.sum())


def _motion_blur(
    image: NDArray[np.uint8], strength: tuple[float, float], random: np.random.Generator
) -> NDArray[np.uint8]:
    """A line of a random direction within 45 degrees of the horizontal, its weights falling as a Gaussian."""
    length, deviation = (value * _scale(image) for value in strength)
    angle = random.uniform(-np.pi / 4, np.pi / 4)
    reach = int(np.ceil(length))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for step in np.linspace(0, length, 4 * reach + 1):
        row, column = reach + step * np.sin(angle), reach + step * np.cos(angle)
        kernel[round(row), round(column)] += np.exp(-(step**2) / (2 * deviation**2))
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def _zoom_blur(
    image: NDArray[np.uint8], strength: tuple[float, float], _: Any
) -> NDArray[np.uint8]:
    """The mean of the image and of its enlargements from 1 to a factor, by steps."""
    most, step = strength
    height, width = image.shape[:2]
    total = image.astype(np.float64)
    factors = np.arange(1, most, step)
    for factor in factors:
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, float(factor))
        total += cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return _bytes(total / (len(factors) + 1))


def _saturate(image: NDArray[np.uint8], more: float, _: Any) -> NDArray[np.uint8]:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    # A grey pixel has no hue to saturate; its 0 stands for red.
    hsv[:, :, 1] = np.where(hsv[:, :, 1] > 0, _bytes(hsv[:, :, 1] + 255 * more), 0)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _gamma(image: NDArray[np.uint8], exponent: float, _: Any) -> NDArray[np.uint8]:
    return _bytes(255 * (image / 255) ** exponent)


_brightness, _contrast = _enhanced(ImageEnhance.Brightness), _enhanced(ImageEnhance.Contrast)
CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": _noisy(_gaussian_noise),
    "speckle_noise": _noisy(_speckle_noise),
    "impulse_noise": _noisy(_impulse_noise),
    "shot_noise": _noisy(_shot_noise),
    "gaussian_blur": _gaussian_blur,
    "defocus_blur": _defocus_blur,
    "motion_blur": _motion_blur,
    "zoom_blur": _zoom_blur,
    "brightness_up": _brightness,
    "brightness_down": _brightness,
    "contrast_up": _contrast,
    "contrast_down": _contrast,
    "gamma_up": _gamma,
    "gamma_down": _gamma,
    "saturate": _saturate,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}


def corrupt(image: NDArray[np.uint8], modality: str, kind: str, severity: int) -> NDArray[np.uint8]:
    """Return an image, corrupted; the same for the same image.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3)
        uint8 RGB. One whose longer side has more than 224 pixels is reduced to 224 first, since strengths are for
        them; the widths of blurs shrink with smaller images.
    modality, kind : str
        See `STRENGTHS`.
    severity : int
        From 1 to 5. Noise has the same pattern in all of them.

    Returns
    -------
    ndarray of shape (h, w, 3)
        uint8.
    """
    image = _reduced(np.ascontiguousarray(image))
    digest = hashlib.blake2b(kind.encode() + image.tobytes(), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(digest, "little"))
    strength = STRENGTHS[modality][kind][severity - 1]
    return CORRUPTIONS[kind](image, strength, random)


def _reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    longer = max(height, width)
    if longer <= SIDE:
        return image
    size = (max(1, round(width * SIDE / longer)), max(1, round(height * SIDE / longer)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _scale(image: NDArray[np.uint8]) -> float:
    return max(image.shape[:2]) / SIDE


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def checked_corruptions(names: Sequence[str]) -> list[tuple[str, str]]:
    """The modality and kind of each corruption that somebody names.

    Parameters
    ----------
    names : sequence of str
        A kind, such as "gaussian_noise", in general strengths; a modality, such as "xray", for all its kinds in its own
        strengths; or MODALITY/KIND.

    Raises
    ------
    ValueError
        If there is no such corruption, or a kind is asked for twice.
    """
    found: list[tuple[str, str]] = []
    for name in names:
        modality, _, kind = name.partition("/")
        if name in STRENGTHS["general"]:
            found.append(("general", name))
        elif modality in STRENGTHS and (not kind or kind in STRENGTHS[modality]):
            found += [(modality, one) for one in ([kind] if kind else STRENGTHS[modality])]
        else:
            raise ValueError(
                f"no corruption {name!r}: choose a modality ({', '.join(STRENGTHS)}), a kind "
                f"({', '.join(STRENGTHS['general'])}), or MODALITY/KIND"
            )
    kinds = [kind for _, kind in found]
    if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
        raise ValueError(f"corruption {min(twice)} is asked for twice: leave out one of them")
    return found


@dataclass(frozen=True)
class Changed:
    """Some images of a data set, each changed: what `extract` takes. Features of them are kept as any others.

    Attributes
    ----------
    images : Images
        Of the data set.
    places : ndarray of int
        Of the images that are changed.
    change : callable
        From an image (H, W, 3) uint8 to another.
    label : str
        Names the change, in keys, too.
    """

    images: Any
    places: NDArray[np.int64]
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    label: str

    @property
    def name(self) -> str:
        """Of the data set."""
        return f"{self.images.name}, {self.label}"

    @property
    def names(self) -> list[str]:
        """Of the images."""
        return [f"{self.images.names[place]} ({self.label})" for place in self.places]

    def __len__(self) -> int:
        return len(self.places)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """A changed image, (H, W, 3) uint8."""
        return self.change(self.images.pixels(int(self.places[number])))

    @cached_property
    def keys(self) -> list[bytes]:
        """A checksum of each image's key and the change."""
        change = f" {self.label} {VERSION}".encode()
        keys = self.images.keys
        return [
            hashlib.blake2b(keys[place] + change, digest_size=16).digest() for place in self.places
        ]
