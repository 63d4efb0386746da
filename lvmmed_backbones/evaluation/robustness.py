"""How scores and features hold when test images change: fixed corruptions, rotation, flip and intensity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.corruptions import SEVERITIES, Changed, corrupt

GAMMA, SCALE = 0.7, 0.8  # of the change of intensity


def corrupted(
    images: Any, places: NDArray[np.int64], modality: str, kind: str, severity: int
) -> Changed:
    """The images at some places with a corruption."""

    def change(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return corrupt(image, modality, kind, severity)

    return Changed(images, places, change, f"{modality}/{kind} {severity}")


def corruption_scores(
    metric: str, clean: float, scores: Mapping[tuple[str, int], float]
) -> dict[str, float]:
    """Metrics of a probe that was trained on clean images, on corrupted test images.

    Parameters
    ----------
    metric : str
        Headline of the probe, a fraction, 1 at best.
    clean : float
        Of the test images as they are.
    scores : mapping
        Of (kind, severity), all severities of each kind.

    Returns
    -------
    dict of str to float
        METRIC_KIND_SEVERITY; `mean_corruption_error`, the mean over kinds and severities of 1 - score; and
        `relative_corruption_error`, what of it the corruptions add to the clean error.

    Notes
    -----
    These are the numerators of Hendrycks and Dietterich (ICLR 2019, section 4.3), without their division by the errors
    of another network.
    """
    if not scores:
        return {}
    error = 1 - float(np.mean(list(scores.values())))
    named = {
        f"{metric}_{kind}_{severity}": score
        for (kind, severity), score in sorted(scores.items(), key=lambda item: item[0])
    }
    return {
        **named,
        "mean_corruption_error": error,
        "relative_corruption_error": error - (1 - clean),
    }


def _rotated(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(image))


def _flipped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[:, ::-1])


def _darker(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.rint(255 * SCALE * (image / 255) ** GAMMA).astype(np.uint8)


CHANGES: Mapping[str, tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    "rotation": ("rotated by 90 degrees", _rotated),
    "flip": ("flipped left to right", _flipped),
    "intensity": (f"gamma {GAMMA}, times {SCALE}", _darker),
}


def changed(images: Any, places: NDArray[np.int64], name: str) -> Changed:
    """The images at some places, with one of `CHANGES`."""
    label, change = CHANGES[name]
    return Changed(images, places, change, label)


def invariance(features: NDArray[np.floating], changed: NDArray[np.floating]) -> float:
    """How alike the features of an image and of the same image changed are: 1 for no difference, 0 for chance.

    Parameters
    ----------
    features, changed : ndarray of shape (N, D)
        Of the same images; two at least.

    Returns
    -------
    float
        (s - r) / (1 - r): s is the mean cosine similarity of an image and itself changed, r that of all pairs of an
        image and another one changed. Features that are all alike, as many networks give, would be invariant by s
        alone. NaN where r is 1; negative where other images are more alike.
    """
    one, other = (_unit(values) for values in (features, changed))
    number = len(one)
    if number < 2:
        return float("nan")
    pairs = (one * other).sum()
    same = pairs / number
    random = (one.sum(0) @ other.sum(0) - pairs) / (number * (number - 1))
    return float((same - random) / (1 - random)) if random < 1 - 1e-9 else float("nan")


def _unit(values: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(values, np.float64)
    return values / np.linalg.norm(values, axis=1, keepdims=True).clip(1e-300)


def severities(kinds: Sequence[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Each corruption at each severity."""
    return [(modality, kind, severity) for modality, kind in kinds for severity in SEVERITIES]
