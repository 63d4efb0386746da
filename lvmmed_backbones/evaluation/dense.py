"""The dense probe: logistic regression on the cells of frozen maps, for segmentation and volumes.

Each cell of a map (h, w) is one example; its target is the share of each class among its pixels. The fit is convex, so
it is exact, needs no learning rate, and is the same for every seed but for the cells that the seed draws. Its logits
are scaled up to the mask, as DINOv2's dense evaluation does it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from lvmmed_backbones.evaluation.classification import Split
from lvmmed_backbones.evaluation.overlap import dice, overlap_counts
from lvmmed_backbones.evaluation.probes.logistic import fit_logistic

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
ADJUSTMENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
CELLS = 20_000  # of all training images, drawn
TOLERANCE = 1e-3  # of the gradient: below it the Dice of valid cases stays the same to three digits
IMAGES = 64  # whose maps are in memory at a time
SIDE = 256  # pixels of the longer side at which settings are compared
IGNORED = 255


class Maps(Protocol):
    """Maps (N, D, h, w), in memory or on the disk, of which some are taken."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Any) -> NDArray[np.floating]: ...


class Masks(Protocol):
    """What `DenseImages` says of its masks."""

    @property
    def cases(self) -> Sequence[str]: ...

    def mask(self, place: int) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class CellClassifier:
    """A linear classifier of cells.

    Attributes
    ----------
    weights, biases : Tensor
        (D, C) and (C,) in single precision.
    penalty, adjustment : float
        That the valid images chose: of the weights, and the power of each class's share that its logit is divided by
        (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021): 0 for as many cells as there are, 1 as if
        all classes were equally frequent.
    valid_dice : float
        Mean Dice of the foreground over valid cases, with these.
    """

    weights: Tensor
    biases: Tensor
    penalty: float
    adjustment: float
    valid_dice: float

    def count(
        self, maps: Maps, places: NDArray[np.int64], masks: Masks
    ) -> dict[str, NDArray[np.int64]]:
        """Return the (3, C) counts of overlap of each case.

        Parameters
        ----------
        maps : Maps
            Of M images.
        places : ndarray of int
            (M,) places of these images among the masks.
        masks : Masks
            At their full size, without the pixels of 255.
        """
        counts: dict[str, NDArray[np.int64]] = {}
        for place, mask, labels in self.predict(maps, places, masks):
            found = _counted(labels, mask, len(self.biases), masks.cases[place])
            counts[masks.cases[place]] = counts.get(masks.cases[place], 0) + found
        return counts

    def predict(
        self, maps: Maps, places: NDArray[np.int64], masks: Masks
    ) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.int64]]]:
        """Yield each image's place, its mask and its predicted classes, both (H, W); parameters as of `count`."""
        for number, logits in _logits(maps, np.arange(len(maps)), self.weights, self.biases):
            place = int(places[number])
            mask = masks.mask(place)
            yield place, mask, _scaled(logits, mask.shape).argmax(0).numpy()


def dense(
    maps: Maps,
    masks: Masks,
    classes: int,
    splits: Sequence[Split],
    penalties: Sequence[float] = PENALTIES,
    adjustments: Sequence[float] = ADJUSTMENTS,
) -> list[CellClassifier]:
    """Fit a classifier of cells for each split; penalty and adjustment are chosen by the Dice of valid cases.

    Parameters
    ----------
    maps : Maps
        (N, D, h, w).
    masks : Masks
        Of the same N images, values from 0 to C - 1, or 255: left out.
    classes : int
        C; class 0 is background.
    splits : sequence of Split
        A split's seed draws its cells.

    Raises
    ------
    ValueError
        If the masks of a split's training images hold one class, or a mask has a value of no class.
    """
    shape = maps[np.array([0])].shape[2:]
    targets = _Targets(masks, classes, shape)
    return [
        _fitted(maps, masks, targets, classes, split, penalties, adjustments) for split in splits
    ]


def _fitted(
    maps: Maps,
    masks: Masks,
    targets: Callable[[int], NDArray[np.float32]],
    classes: int,
    split: Split,
    penalties: Sequence[float],
    adjustments: Sequence[float],
) -> CellClassifier:
    features, shares, prior = _drawn_cells(maps, targets, split)
    if (prior > 0).sum() < 2:
        raise ValueError(
            f"all {len(split.train)} training masks hold class {int(prior.argmax())} alone: add images with another"
        )
    models = fit_logistic(features, shares, classes, penalties, TOLERANCE)
    weights, biases = models.weights[0].float(), models.biases[0].float()  # (K, D, C), (K, C)
    offsets = torch.tensor(adjustments)[:, None] * prior.clamp_min(1e-6).log().float()  # (A, C)
    together = weights.permute(1, 0, 2).flatten(1), biases.flatten()
    counts: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros((), np.int64))
    for number, logits in _logits(maps, split.valid, *together):
        place = int(split.valid[number])
        mask = _small(masks.mask(place))
        scaled = _scaled(logits, mask.shape).unflatten(0, (len(penalties), 1, classes))
        labels = (
            (scaled - offsets[:, :, None, None]).argmax(2).flatten(0, 1).numpy()
        )  # (K * A, H, W)
        case = masks.cases[place]
        found = [_counted(one, mask, classes, case) for one in labels]
        counts[case] = counts[case] + np.stack(found)
    per_case = dice(np.stack(list(counts.values())))[..., 1:]  # (cases, K * A, C - 1)
    scores = np.nan_to_num(_mean(_mean(per_case, 2), 0))
    best = int(scores.argmax())
    k, a = divmod(best, len(adjustments))
    return CellClassifier(
        weights[k], biases[k] - offsets[a], penalties[k], adjustments[a], float(scores[best])
    )


class _Targets:
    """The share of each class in each cell of an image, (h, w, C); 0 of all where a cell has no pixel that counts."""

    def __init__(self, masks: Masks, classes: int, shape: tuple[int, int]) -> None:
        self.masks, self.classes, self.shape = masks, classes, shape
        self.known: dict[int, NDArray[np.float32]] = {}  # masks are read once for all splits

    def __call__(self, place: int) -> NDArray[np.float32]:
        if place not in self.known:
            mask, (height, width) = self.masks.mask(place), self.shape
            planes = (mask[:, :, None] == np.arange(self.classes)).astype(np.float32)
            if not (planes.any(2) | (mask == IGNORED)).all():
                _counted(mask, mask, self.classes, self.masks.cases[place])  # says what is wrong
            method = cv2.INTER_AREA if min(mask.shape) >= max(self.shape) else cv2.INTER_LINEAR
            shares = cv2.resize(planes, (width, height), interpolation=method)
            total = shares.sum(2, keepdims=True)
            self.known[place] = np.where(total > 1e-3, shares / total.clip(1e-3), 0)
        return self.known[place]


def _drawn_cells(
    maps: Maps, targets: Callable[[int], NDArray[np.float32]], split: Split
) -> tuple[Tensor, Tensor, Tensor]:
    """Features (M, D) and shares of the classes (M, C) of drawn cells, and the mean share of each class, (C,)."""
    shares = np.stack([targets(int(place)) for place in split.train])  # (n, h, w, C)
    counted = np.flatnonzero(shares.sum(3) > 0)
    if not len(counted):
        raise ValueError(
            f"all pixels of {len(split.train)} training masks are ignored: give labels"
        )
    prior = shares.reshape(-1, shares.shape[3])[counted].mean(0, dtype=np.float64)
    random = np.random.default_rng(split.seed)
    drawn = np.sort(random.permutation(counted)[:CELLS])
    image, row, column = np.unravel_index(drawn, shares.shape[:3])
    features = []
    for start in range(0, len(split.train), IMAGES):
        part = np.asarray(maps[split.train[start : start + IMAGES]])
        inside = (image >= start) & (image < start + IMAGES)
        features.append(part[image[inside] - start, :, row[inside], column[inside]])
    chosen = shares[image, row, column].astype(np.float64)
    chosen /= chosen.sum(1, keepdims=True)
    x = torch.from_numpy(np.concatenate(features).astype(np.float64))
    return x, torch.from_numpy(chosen), torch.from_numpy(prior)


def _logits(
    maps: Maps, places: NDArray[np.int64], weights: Tensor, biases: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """The logits of each image, (L, h, w), of weights (D, L), with the image's number among the places."""
    for start in range(0, len(places), IMAGES):
        part = torch.from_numpy(np.asarray(maps[places[start : start + IMAGES]], np.float32))
        logits = torch.einsum("ndhw,dl->nlhw", part, weights) + biases[:, None, None]
        yield from enumerate(logits, start)


def _scaled(logits: Tensor, shape: tuple[int, ...]) -> Tensor:
    return interpolate(logits[None], shape, mode="bilinear", align_corners=False)[0]


def _small(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask whose longer side has at most `SIDE` pixels."""
    height, width = mask.shape
    step = max(height, width) / SIDE
    if step <= 1:
        return mask
    size = (max(1, round(width / step)), max(1, round(height / step)))
    return cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)


def _counted(
    labels: NDArray, mask: NDArray[np.uint8], classes: int, case: str
) -> NDArray[np.int64]:
    try:
        return overlap_counts(labels, mask, classes, IGNORED)
    except ValueError as error:
        raise ValueError(f"{case}: {error}") from None


def _mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The mean without NaN; NaN where nothing is left."""
    defined = np.isfinite(values)
    count = defined.sum(axis)
    total = np.where(defined, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
