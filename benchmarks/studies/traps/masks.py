"""Traps of segmentation: masks of small U-Nets, scored both ways.

The release's U-Net and loss around ImageNet's EfficientNet-Lite0, all of it trained; Adam at 1e-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.studies.traps.scores import Pair, percent
from lvmmed_backbones import catalogue
from lvmmed_backbones.evaluation.data.labelled import DenseImages
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.evaluation.encoders import Resize
from lvmmed_backbones.evaluation.overlap import overlap_counts
from tasks.metrics import prompted, released
from tasks.release.losses import segmentation_losses
from tasks.release.transforms import Stretch, nearest
from tasks.release.unet import ReleasedUNet

NETWORK = "imagenet_efficientnet_lite0"
SIDES = {"kvasir": 64, "hippocampus": 64}
EPOCHS = {"kvasir": 4, "hippocampus": 3}
BATCH, RATE = 16, 1e-3
LOW = 256  # the release scores prompted masks at 256 x 256
SOUND, RELEASED = ("normalised", "red first"), ("stretched", "blue first")
Ways = tuple[str, str]


def input_of_images(prepared: Path, seed: int) -> list[Pair]:
    """Trap 5: raw values stretched for each image, blue first, against the normalisation of pretraining; U-Nets."""
    sound = _mean_dice(prepared, seed, SOUND)
    return [
        Pair(f"kvasir, U-Net, {', '.join(way)}", "dice_2d", seed,
             _mean_dice(prepared, seed, way), sound)
        for way in (RELEASED, (RELEASED[0], SOUND[1]), (SOUND[0], RELEASED[1]))
    ]  # fmt: skip


def size_of_scoring(prepared: Path, seed: int) -> list[Pair]:
    """§4: masks compared at the size of the network's output, against that of the image; logits are interpolated."""
    data, logits = _predicted(prepared, "kvasir", seed, SOUND)
    low, full = [], []
    for place, image in zip(data.of("test"), logits, strict=True):
        truth = data.mask(place)
        low.append(dice_of(_argmax(image), nearest(truth, (SIDES["kvasir"],) * 2)))
        full.append(dice_of(_argmax(image, truth.shape), truth))
    return [Pair("kvasir, U-Net, 64 against 256 px", "dice_2d", seed, percent(low), percent(full))]


def size_of_scoring_at_best(prepared: Path) -> list[Pair]:
    """§4: the truth itself, reduced to 256 x 256, compared there and brought back to the image's size."""
    data = dense_images(prepared, "drive")
    low, full = [], []
    for place in data.of("test"):
        truth = data.mask(place) == 1
        small = nearest(truth.astype(np.uint8), (LOW, LOW))
        back = cv2.resize(small.astype(np.float32), truth.shape[::-1]) > 0.5
        low.append(dice_of(small, small))
        full.append(dice_of(back.astype(np.uint8), truth.astype(np.uint8)))
    case = "drive, the truth at 256 against 584 px"
    return [Pair(case, "dice_2d", None, percent(low), percent(full))]


def one_class(prepared: Path, seed: int) -> list[Pair]:
    """Trap 3: IoU of one class over the voxels of a volume, against the mean of all structures."""
    volumes, classes = _volumes(prepared, seed)
    ious = np.stack([released.iou(overlap_counts(*pair, len(classes))) for pair in volumes])
    mean = percent(ious[:, 1:].mean(1))
    return [
        Pair(f"hippocampus, U-Net, {name} alone", "iou_3d", seed, percent(ious[:, n]), mean)
        for n, name in enumerate(classes)
        if n
    ]


def two_3d_ious(prepared: Path, seed: int) -> list[Pair]:
    """Trap 1: the two scores that the paper calls 3D IoU, of the same masks."""
    volumes, classes = _volumes(prepared, seed)
    of_slices = [
        float(np.mean([prompted.iou(prompted.counted(p, t)) for p, t in zip(*pair, strict=True)]))
        for pair in volumes
    ]
    of_union = [prompted.iou(prompted.counted(*pair)) for pair in volumes]
    ious = np.stack([released.iou(overlap_counts(*pair, len(classes))) for pair in volumes])
    case, slices = "hippocampus, U-Net, slices of the union", percent(of_slices)
    return [
        Pair(f"{case} against its voxels", "iou_3d", seed, slices, percent(of_union)),
        Pair(f"{case} against voxels, mean of the classes", "iou_3d", seed, slices,
             percent(ious[:, 1:].mean(1))),
    ]  # fmt: skip


def dense_images(prepared: Path, name: str) -> DenseImages:
    """Prepared images with masks."""
    data = of_prepared(prepared / name)
    assert isinstance(data, DenseImages)
    return data


def _inputs(data: DenseImages, places: NDArray[np.int64], side: int, way: Ways) -> Tensor:
    """Images as a network sees them, (N, 3, side, side): normalised or stretched, red or blue first."""
    entry, intensities, order = catalogue.get(NETWORK), *way
    raw = intensities == "stretched"
    resize = Resize(side, (0.0,) * 3, (1.0,) * 3) if raw else Resize(side, entry.mean, entry.std)
    images = [resize.resized(data.pixels(place)) for place in places]
    if raw:
        images = [Stretch()({"img": image})["img"] for image in images]
    pixels = torch.from_numpy(np.stack(images))
    return resize.normalised(pixels.flip(-1) if order == "blue first" else pixels)


@lru_cache(4)
def _predicted(
    prepared: Path, name: str, seed: int, way: Ways
) -> tuple[DenseImages, NDArray[np.float32]]:
    """Train a U-Net; its logits of the test images, (N, C, side, side)."""
    data, side = dense_images(prepared, name), SIDES[name]
    train, test = data.of("train"), data.of("test")
    masks = np.stack([nearest(data.mask(place), (side, side)) for place in train])
    images, labels = _inputs(data, train, side, way), torch.from_numpy(masks)
    torch.manual_seed(seed)
    config = catalogue.get(NETWORK).model("vector", side)
    preprocessor = dict(type="BaseDataPreprocessor")
    network = ReleasedUNet(config, len(data.classes), data_preprocessor=preprocessor)
    network.init_weights()
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(EPOCHS[name]):
        for batch in torch.randperm(len(images)).split(BATCH):
            losses = segmentation_losses(network.logits(images[batch]), labels[batch])
            optimiser.zero_grad()
            sum(losses.values()).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1)
            optimiser.step()
    network.eval()
    with torch.no_grad():
        parts = [network.logits(part) for part in _inputs(data, test, side, way).split(BATCH)]
    return data, torch.cat(parts).numpy()


def _mean_dice(prepared: Path, seed: int, way: Ways) -> float:
    """Dice of kvasir's test images in percent, at the images' own size."""
    data, logits = _predicted(prepared, "kvasir", seed, way)
    truths = [data.mask(place) for place in data.of("test")]
    return percent(
        [dice_of(_argmax(z, truth.shape), truth) for z, truth in zip(logits, truths, strict=True)]
    )


def _volumes(prepared: Path, seed: int) -> tuple[list[tuple[NDArray, NDArray]], Sequence[str]]:
    """Predictions and truths of hippocampus's test volumes, (slices, 64, 64) each, and the classes."""
    data, logits = _predicted(prepared, "hippocampus", seed, SOUND)
    places = data.of("test")
    cases = np.array(data.cases)[places]
    labels = logits.argmax(1)
    side = (SIDES["hippocampus"],) * 2
    truths = np.stack([nearest(data.mask(place), side) for place in places])
    pairs = [(labels[cases == case], truths[cases == case]) for case in np.unique(cases)]
    return pairs, data.classes


def _argmax(logits: NDArray, shape: tuple[int, ...] | None = None) -> NDArray:
    """Labels of logits (C, h, w), interpolated to (H, W) where it is given."""
    if shape is not None:
        logits = np.stack([cv2.resize(plane, shape[::-1]) for plane in logits])
    return logits.argmax(0)


def dice_of(prediction: NDArray, truth: NDArray) -> float:
    """Dice of all that is not 0 in two masks."""
    return prompted.dice(prompted.counted(prediction, truth))
