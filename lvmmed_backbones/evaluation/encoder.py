"""Whatever somebody calls a backbone, as one thing: images in, one vector for each image out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lvmmed_backbones import catalogue, models
from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.plugins import load

SIDE = 224
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
    pretraining_seed : int or None
        That the weights were learnt with, where the backbone has several.
    """

    name: str
    module: nn.Module
    transform: Transform
    architecture: str
    method: str = "unknown"
    corpus: str = "unknown"
    weights: str
    weights_sha256: str | None = None
    pretraining_seed: int | None = None

    @property
    def parameters(self) -> int:
        """Their number."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def encode(self, images: Tensor) -> Tensor:
        """Turn a batch (B, 3, h, w) into features (B, D).

        Raises
        ------
        ValueError
            If the module returns something else than one vector or maps for each image.
        """
        return vectors(self.module(images), len(images), self.name)


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
        larger = self.side > max(image.shape[:2])
        method = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
        resized = cv2.resize(image, (self.side, self.side), interpolation=method)
        pixels = (resized.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(
            self.std, np.float32
        )
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def encoder_of(
    backbone: str | nn.Module,
    *,
    transform: Transform | str | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Encoder:
    """The encoder that somebody asks for.

    Parameters
    ----------
    backbone : str or Module
        A name of the catalogue; "timm:NAME" or "timm:NAME.TAG"; "FILE.py:FUNCTION", which returns a module, or a pair
        of a module and a transform; or a module.
    transform : callable or str, optional
        From an image, (H, W, 3) uint8 RGB, to a (3, h, w) tensor; "FILE.py:FUNCTION" names one. None: resized to
        `size`, and normalised as the backbone's own config says; a module that says nothing must come with a transform.
    size : int, optional
        Side in pixels of the images; None: the backbone's own, or 224.
    seed : int
        Of the pretraining, where the backbone has several.

    Raises
    ------
    ValueError
        If there is no such backbone, or nothing says how to normalise its images.
    FileNotFoundError, ConnectionError
        If its weights can't be had, with the file and its place.
    """
    if isinstance(transform, str):
        transform = _function_of(transform)
    if isinstance(backbone, nn.Module):
        return _of_module(type(backbone).__name__, backbone, transform, size)
    kind, _, rest = backbone.partition(":")
    if kind == "timm":
        return _of_timm(backbone, rest, transform, size)
    if ".py:" in backbone:
        return _of_file(backbone, transform, size)
    return _of_catalogue(backbone, transform, size, seed)


def depends_on_seed(backbone: str) -> bool:
    """Whether a backbone of the catalogue has other weights for each seed: random ones, or those of its pretraining."""
    if ":" in backbone:
        return False
    seeds = catalogue.seeds(backbone)
    return bool(seeds) or catalogue.get(backbone).weights is None


def _of_catalogue(name: str, transform: Transform | None, size: int | None, seed: int) -> Encoder:
    entry = catalogue.get(name, seed)
    side = size or SIDE
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of a random backbone: another network for each seed
        module = models.from_config(entry.model("vector", side))
    module.init_weights()
    return Encoder(
        name=name,
        module=_frozen(module),
        transform=transform or Resize(side, entry.mean, entry.std),
        architecture=entry.architecture,
        method=entry.method,
        corpus=entry.corpus,
        weights=checksum(module),
        weights_sha256=entry.weights.sha256 if entry.weights else None,
        pretraining_seed=entry.pretraining_seed,
    )


def _of_timm(name: str, model: str, transform: Transform | None, size: int | None) -> Encoder:
    import timm

    sizes = {} if size is None else {"img_size": size}
    try:
        try:
            module = timm.create_model(model, pretrained=True, num_classes=0, **sizes)
        except TypeError:  # a convolutional network takes any size, and has no such argument
            module = timm.create_model(model, pretrained=True, num_classes=0)
    except RuntimeError as error:
        raise ValueError(
            f"{name}: timm says {error}. timm.list_pretrained() has the names"
        ) from None
    except OSError as error:
        raise ConnectionError(
            f"{name}: its weights are not on this machine, and cannot be fetched ({error}). Fetch them where there "
            "is a network, and copy the folder that HF_HOME names"
        ) from None
    config = module.pretrained_cfg
    side = size or config["input_size"][-1]
    mean, std = (tuple(255 * value for value in config[key]) for key in ("mean", "std"))
    return Encoder(
        name=name,
        module=_frozen(module),
        transform=transform or Resize(side, mean, std),
        architecture=config["architecture"],
        method=config.get("tag") or "unknown",
        weights=checksum(module),
    )


def _of_file(name: str, transform: Transform | None, size: int | None) -> Encoder:
    made = _function_of(name)()
    module, own = made if isinstance(made, tuple) else (made, None)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{name}() returned {type(module).__name__}: return a torch module, or a pair of it and its transform"
        )
    return _of_module(Path(name).name.replace(".py:", ":"), module, transform or own, size)


def _function_of(name: str) -> Callable[..., Any]:
    """The function that FILE.py:FUNCTION names. The file is code of the user's, and runs as such."""
    path, _, function = name.rpartition(":")
    (module,) = load([path])
    if not callable(found := getattr(module, function, None)):
        raise Refused(path, f"has no function {function!r}", "Name one that it has")
    return found


def _of_module(
    name: str, module: nn.Module, transform: Transform | None, size: int | None
) -> Encoder:
    config: Any = getattr(module, "pretrained_cfg", None)  # of a model of timm
    if transform is None and not isinstance(config, Mapping):
        raise ValueError(
            f"{name}: nothing tells how to normalise its images. Give transform=..., from an image (H, W, 3) uint8 to "
            "a tensor (3, h, w), such as lvmmed_backbones.evaluation.Resize(224)"
        )
    if transform is None:
        mean, std = (tuple(255 * value for value in config[key]) for key in ("mean", "std"))
        transform = Resize(size or config["input_size"][-1], mean, std)
    return Encoder(
        name=name,
        module=_frozen(module),
        transform=transform,
        architecture=type(module).__name__,
        weights=checksum(module),
    )


def _frozen(module: nn.Module) -> nn.Module:
    return module.eval().requires_grad_(False)


def checksum(module: nn.Module) -> str:
    """Return the BLAKE2b of a module's parameters and buffers with their names, 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in module.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def vectors(output: Any, images: int, name: str) -> Tensor:
    """One vector for each image, of whatever a module returns.

    A (B, D) tensor; maps (B, D, h, w), which are averaged; the last of a tuple or list; `x_norm_clstoken` of a
    dictionary, as DINOv2's modules return; `pooler_output` or the first token of `last_hidden_state` of an output of
    transformers.

    Raises
    ------
    ValueError
        Naming what was returned.
    """
    if isinstance(output, Mapping) or hasattr(output, "last_hidden_state"):
        get = output.get if isinstance(output, Mapping) else lambda key: getattr(output, key, None)
        if (hidden := get("last_hidden_state")) is not None and hidden.ndim == 3:
            hidden = hidden[:, 0]
        choices = (get("x_norm_clstoken"), get("pooler_output"), hidden)
        output = next((choice for choice in choices if choice is not None), output)
    if isinstance(output, (tuple, list)) and output:
        return vectors(output[-1], images, name)
    if isinstance(output, Tensor) and output.ndim == 4:
        output = output.mean((2, 3))
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != images:
        shape = f"of shape {tuple(output.shape)}" if isinstance(output, Tensor) else ""
        raise ValueError(
            f"{name} returned {type(output).__name__} {shape} for {images} images: "
            "a backbone must return (B, D), or maps (B, D, h, w)"
        )
    return output.flatten(1)
