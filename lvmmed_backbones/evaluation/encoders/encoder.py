"""A frozen backbone with the transform of its images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.evaluation.encoders.layers import (
    checked_layers,
    chosen_layers,
    has_stages,
    last_maps,
    run,
)
from lvmmed_backbones.evaluation.encoders.outputs import vectors
from lvmmed_backbones.records import Pretraining

SIDE = 224
STAGES = 3  # at strides 8, 16 and 32; with stride 4 maps take four times the room
Transform = Callable[[NDArray[np.uint8]], Tensor]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A frozen backbone with the transform of its images.

    Attributes
    ----------
    name : str
        As it was asked for.
    module : Module
        In evaluation mode; takes what `transform` gives, in batches.
    transform : callable
        From an image, (H, W, 3) uint8 RGB, to a (3, h, w) tensor.
    architecture, method, corpus : str
        In words, for the record; "unknown" where nobody said.
    weights : str
        Checksum of all parameters and buffers, 32 hex digits.
    weights_sha256 : str or None
        Checksum of the file of weights, where there is one.
    revision : str or None
        Commit of the hub's repository that the weights are from.
    pretraining_seed : int or None
        That the weights were learnt with, where the backbone has several.
    pretraining : Pretraining or None
        What it has seen before; None: nobody declared it.
    layers : tuple of int or None
        The blocks of a transformer, or stages of a convolutional network, that features are taken from; None: what
        the network itself gives.
    """

    name: str
    module: nn.Module
    transform: Transform
    architecture: str
    method: str = "unknown"
    corpus: str = "unknown"
    weights: str
    weights_sha256: str | None = None
    revision: str | None = None
    pretraining_seed: int | None = None
    pretraining: Pretraining | None = None
    layers: tuple[int, ...] | None = None

    @property
    def parameters(self) -> int:
        """Their number."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def for_masks(self) -> Encoder:
        """The encoder with the layers whose maps a dense probe reads, where nobody chose them.

        Of a network with stages the last `STAGES`: the last one alone is too coarse (docs/evaluation.md).
        """
        if self.layers is not None or not has_stages(self.module):
            return self
        return replace(self, layers=checked_layers(STAGES))

    def encode(self, images: Tensor) -> Tensor:
        """Turn a batch (B, 3, h, w) into features (B, D).

        With several layers their vectors are concatenated: class tokens, as the linear evaluation of DINOv2 does it
        (`create_linear_input` in its dinov2/eval/linear.py, without the average of the last patches); averages of the
        maps where there is no class token.

        Raises
        ------
        ValueError
            If the module returns something else than one vector or maps for each image, or has no such layers.
        """
        if self.layers is None:
            return vectors(run(self.module, images), len(images), self.name)
        found = chosen_layers(self.module, images, self.layers, self.name)
        return torch.cat(
            [grid.mean((2, 3)) if token is None else token for grid, token in found], 1
        )

    def maps(self, images: Tensor) -> Tensor:
        """Turn a batch (B, 3, H, W) into maps (B, C, h, w).

        The grid of a transformer's patch tokens, or the last maps of a convolutional network. Several layers are
        resized to the largest of their grids (bilinear) and concatenated along C.

        Raises
        ------
        ValueError
            If the module gives vectors alone, or has no such layers.
        """
        if self.layers is None:
            return last_maps(self.module, images, self.name)
        grids = [grid for grid, _ in chosen_layers(self.module, images, self.layers, self.name)]
        size = max((grid.shape[-2:] for grid in grids), key=lambda shape: shape[0] * shape[1])
        return torch.cat(
            [
                grid if grid.shape[-2:] == size else interpolate(grid, size, mode="bilinear")
                for grid in grids
            ],
            1,
        )


@dataclass(frozen=True)
class Resize:
    """The whole image at one size, normalised: nothing of a medical image is cut off.

    Attributes
    ----------
    side : int
        In pixels.
    mean, std : tuple of float
        Of RGB, 0 to 255.
    """

    side: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __call__(self, image: NDArray[np.uint8]) -> Tensor:
        return self.normalised(torch.from_numpy(self.resized(image)).unsqueeze(0))[0]

    def resized(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An image (H, W, 3) at (side, side, 3)."""
        larger = self.side > max(image.shape[:2])
        method = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
        resized = cv2.resize(image, (self.side, self.side), interpolation=method)
        return np.asarray(resized, np.uint8)

    def normalised(self, images: Tensor) -> Tensor:
        """A batch (B, side, side, 3) uint8 as (B, 3, side, side) float32, its channels last in memory."""
        mean, std = (images.new_tensor(x, dtype=torch.float32) for x in (self.mean, self.std))
        return ((images - mean) / std).permute(0, 3, 1, 2)


def resize_of_timm(config: Mapping[str, Any], size: int | None) -> Resize:
    """The transform that a `pretrained_cfg` of timm describes, at `size` or its own."""
    mean, std = (tuple(255 * value for value in config[key]) for key in ("mean", "std"))
    return Resize(size or config["input_size"][-1], mean, std)


def frozen(module: nn.Module) -> nn.Module:
    """A module in evaluation mode, whose parameters are not trained."""
    return module.eval().requires_grad_(False)


def checksum(module: nn.Module) -> str:
    """Return the BLAKE2b of a module's parameters and buffers with their names, 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in module.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
