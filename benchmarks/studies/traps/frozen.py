"""Traps of classification: frozen features of brain_tumor and a linear classifier on them.

The network is ImageNet's EfficientNet-Lite0, whose weights come with a package; it has BatchNorm in every block, as
ResNet-50 has. The seed divides the training folder 70 to 30, as the release does; the 30 % choose the penalty. Accuracy
is that of the test folder.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms import v2

from benchmarks.studies.traps.scores import Pair, percent
from lvmmed_backbones.evaluation.classification import Answer, Split, linear
from lvmmed_backbones.evaluation.data.labelled import LabelledImages
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.evaluation.encoders import Encoder, Resize, encoder_of
from tasks.release.transforms import Stretch

NETWORK = "imagenet_efficientnet_lite0"
PHANTOM = "random_vit_mini"  # of SAM's architecture
SIDE, LARGER = 64, 68  # 0.94 of the side, as the release's 480 of 512 pixels
BATCH = 64
PASSES, TRAINED_PASSES = 10, 5  # over the test images, over the training images
HELD_OUT = 0.3
RAW = Resize(SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
Features = NDArray[np.float32]


def input_of_images(prepared: Path, seed: int) -> list[Pair]:
    """Trap 5: raw values stretched for each image, blue first, against the normalisation of pretraining."""
    data, _ = _images(prepared, SIDE)
    sound = _accuracy(_sound(prepared), data, seed)
    ways = {"stretched, blue first": _stretched, "normalised, blue first": _blue_first}
    return [
        Pair(f"brain_tumor, frozen, {way}", "accuracy", seed,
             _accuracy(features(prepared), data, seed), sound)
        for way, features in ways.items()
    ]  # fmt: skip


def statistics_in_training_mode(prepared: Path, seed: int) -> list[Pair]:
    """Trap 9: a frozen network with the statistics of each batch, whose running statistics drift, against fixed ones.

    The classifier learns from what five passes over the training images give, each in another order; the other images
    are encoded with the running statistics that these passes leave. Beside it: these statistics for all images, which
    tells the drift from the mismatch of the two modes.
    """
    data, images = _images(prepared, SIDE)
    encoder = replace(_encoder(), module=deepcopy(_encoder().module))
    split = _split(data, seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(split.train) for _ in range(TRAINED_PASSES)]
    encoder.module.train()
    trained = [_features(encoder, images[order]) for order in orders]
    encoder.module.eval()
    drifted = _features(encoder, images)
    features = np.concatenate([drifted, *trained])
    labels = np.concatenate([data.labels, *(data.labels[order] for order in orders)])
    learnt = Split(np.arange(len(data), len(features)), split.valid, split.test)
    (answer,) = linear(features, labels, len(data.classes), [learnt])
    sound = _accuracy(_sound(prepared), data, seed)
    case = "brain_tumor, frozen"
    return [
        Pair(f"{case}, statistics of batches, then running ones", "accuracy", seed,
             _percent(answer, drifted[split.test], data), sound),
        Pair(f"{case}, drifted statistics throughout", "accuracy", seed,
             _accuracy(drifted, data, seed), sound),
    ]  # fmt: skip


def random_test_transforms(prepared: Path, seed: int) -> list[Pair]:
    """Trap 8: FGADR's random crop, flip and autocontrast in testing, against the central crop; ten passes each seed.

    Both have the same classifier, which learns from images transformed at random.
    """
    data, images = _images(prepared, LARGER)
    torch.manual_seed(seed)
    split = _split(data, seed)
    features = _features(_encoder(), _drawn(images))
    features[split.test] = _features(_encoder(), _central(images[split.test]))
    answer = _fit(features, data, seed)
    sound = _percent(answer, features[split.test], data)
    passes = [
        _percent(answer, _features(_encoder(), _drawn(images[split.test])), data)
        for _ in range(PASSES)
    ]
    case = "brain_tumor, frozen"
    return [
        Pair(f"{case}: mean of ten passes", "accuracy", seed, float(np.mean(passes)), sound),
        Pair(f"{case}: best less worst pass", "accuracy", seed, max(passes) - min(passes), 0.0),
        Pair(f"{case}: deviation of a pass", "accuracy", seed, float(np.std(passes, ddof=1)), 0.0),
    ]


def random_first_layer(prepared: Path, seed: int) -> list[Pair]:
    """Trap 6: pretrained blocks behind a first layer with random weights, against all of the network.

    SAM's weights are not here. EfficientNet's stem stands in for the patch embedding; and in a phantom of SAM, random
    throughout, one random patch embedding stands against another.
    """
    data, images = _images(prepared, SIDE)
    stem = _redrawn(_encoder(), ("conv_stem", "bn1"), seed)
    phantom = _encoder(PHANTOM, seed)
    other = _redrawn(phantom, ("patch_embed",), seed + 1000)
    released, before, after = (
        _accuracy(_features(e, images), data, seed) for e in (stem, phantom, other)
    )
    sound = _accuracy(_sound(prepared), data, seed)
    return [
        Pair("brain_tumor, frozen, EfficientNet's stem", "accuracy", seed, released, sound),
        Pair("brain_tumor, frozen, phantom of SAM", "accuracy", seed, after, before),
    ]


@lru_cache(2)
def _images(prepared: Path, side: int) -> tuple[LabelledImages, Tensor]:
    """Brain_tumor, and its images at one size: (N, side, side, 3) uint8 RGB."""
    data = of_prepared(prepared / "brain_tumor")
    assert isinstance(data, LabelledImages)
    resized = [Resize(side).resized(data.pixels(place)) for place in range(len(data))]
    return data, torch.from_numpy(np.stack(resized))


@lru_cache(4)
def _encoder(name: str = NETWORK, seed: int = 0) -> Encoder:
    return encoder_of(name, size=SIDE, seed=seed)


@torch.no_grad()
def _features(encoder: Encoder, images: Tensor, resize: Resize | None = None) -> Features:
    """Encode images (N, H, W, 3) uint8, in batches of their order."""
    normalise = resize or encoder.transform
    assert isinstance(normalise, Resize)
    parts = [encoder.encode(normalise.normalised(batch)) for batch in images.split(BATCH)]
    return torch.cat(parts).numpy()


@lru_cache(1)
def _sound(prepared: Path) -> Features:
    """Features as they should be: RGB, normalised, whole images, running statistics as pretrained."""
    return _features(_encoder(), _images(prepared, SIDE)[1])


@lru_cache(1)
def _blue_first(prepared: Path) -> Features:
    return _features(_encoder(), _images(prepared, SIDE)[1].flip(-1))


@lru_cache(1)
def _stretched(prepared: Path) -> Features:
    """Features of the release's input for segmentation."""
    stretch, images = Stretch(), _images(prepared, SIDE)[1].numpy()
    stretched = np.stack([stretch({"img": image})["img"] for image in images])
    return _features(_encoder(), torch.from_numpy(stretched).flip(-1), RAW)


def _drawn(images: Tensor) -> Tensor:
    """Random crops of SIDE, mirrored with a chance of 0.5, contrasts stretched with one of 0.2, each by itself."""
    change = v2.Compose(
        [v2.RandomCrop(SIDE), v2.RandomHorizontalFlip(0.5), v2.RandomAutocontrast(0.2)]
    )
    return torch.stack([change(image.permute(2, 0, 1)).permute(1, 2, 0) for image in images])


def _central(images: Tensor) -> Tensor:
    first = (LARGER - SIDE) // 2
    return images[:, first : first + SIDE, first : first + SIDE].contiguous()


def _redrawn(encoder: Encoder, layers: tuple[str, ...], seed: int) -> Encoder:
    """Copy an encoder, with new random weights in some layers of its network."""
    torch.manual_seed(seed)
    module = deepcopy(encoder.module)
    for name in layers:
        for layer in module.network.get_submodule(name).modules():
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                layer.reset_parameters()
    return replace(encoder, module=module)


def _split(data: LabelledImages, seed: int) -> Split:
    own = np.random.default_rng(seed).permutation(np.flatnonzero(data.parts != "test"))
    held_out = round(HELD_OUT * len(own))
    return Split(own[held_out:], own[:held_out], data.of("test"))


def _fit(features: Features, data: LabelledImages, seed: int) -> Answer:
    return linear(features, data.labels, len(data.classes), [_split(data, seed)])[0]


def _percent(answer: Answer, of_test: Features, data: LabelledImages) -> float:
    right = answer.predict(of_test).argmax(1) == data.labels[data.of("test")]
    return percent(right)


def _accuracy(features: Features, data: LabelledImages, seed: int) -> float:
    """Accuracy on the test images in percent."""
    return _percent(_fit(features, data, seed), features[data.of("test")], data)
