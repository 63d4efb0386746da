"""Whatever somebody calls a backbone, as one thing: images in, one vector or maps for each image out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from lvmmed_backbones import catalogue
from lvmmed_backbones.evaluation.encoders import code, hugging_face, named, timm_names, weights_file
from lvmmed_backbones.evaluation.encoders.encoder import Encoder, Resize, Transform, checksum
from lvmmed_backbones.evaluation.encoders.layers import checked_layers

__all__ = ["Encoder", "Resize", "Transform", "checksum", "depends_on_seed", "encoder_of"]


def encoder_of(
    backbone: str | nn.Module,
    *,
    transform: Transform | str | None = None,
    size: int | None = None,
    seed: int = 0,
    layers: int | Sequence[int] | None = None,
) -> Encoder:
    """The encoder that somebody asks for.

    Parameters
    ----------
    backbone : str or Module
        A name of the catalogue; "timm:NAME", "timm:NAME.TAG" or "timm:NAME@TAG"; "hf:ORG/REPO" or
        "hf:ORG/REPO@REVISION", in the layout of timm, transformers or OpenCLIP; "file:PATH" or "file:PATH@LAYOUT", a
        file of weights; "module:FILE.py:FUNCTION" or "FILE.py:FUNCTION", which returns a module, or a pair of a module
        and a transform; or a module.
    transform : callable or str, optional
        From an image, (H, W, 3) uint8 RGB, to a (3, h, w) tensor; "FILE.py:FUNCTION" names one. None: resized to
        `size`, and normalised as the backbone's own config says; a module that says nothing must come with a transform.
    size : int, optional
        Side in pixels of the images; None: the backbone's own, or 224.
    seed : int
        Of the pretraining, where the backbone has several.
    layers : int or sequence of int, optional
        The last n blocks of a transformer or stages of a convolutional network, or those of these indices (from 0;
        negative: from the end). None: what the backbone itself gives.

    Raises
    ------
    ValueError
        If there is no such backbone, or nothing says how to normalise its images, or `layers` asks for none.
    FileNotFoundError, ConnectionError
        If its weights can't be had, with the file and its place.
    """
    chosen = checked_layers(layers)
    if isinstance(transform, str):
        transform = code.function_of(transform)
    return replace(_made(backbone, transform, size, seed), layers=chosen)


# By what stands before the colon.
NAMED = {
    "timm": timm_names.of_timm,
    "hf": hugging_face.of_repository,
    "file": weights_file.of_weights,
    "module": lambda _, *rest: code.of_file(*rest),
}


def _made(
    backbone: str | nn.Module, transform: Transform | None, size: int | None, seed: int
) -> Encoder:
    if isinstance(backbone, nn.Module):
        return code.of_module(type(backbone).__name__, backbone, transform, size)
    kind, _, rest = backbone.partition(":")
    if kind in NAMED:
        return NAMED[kind](backbone, rest, transform, size)
    if ".py:" in backbone:
        return code.of_file(backbone, transform, size)
    return named.of_catalogue(backbone, transform, size, seed)


def depends_on_seed(backbone: str) -> bool:
    """Whether a backbone of the catalogue has other weights for each seed: random ones, or those of its pretraining.

    One of which a part alone is filled from its file is random in the others.
    """
    if ":" in backbone:
        return False
    seeds = catalogue.seeds(backbone)
    if seeds:
        return True
    weights = catalogue.get(backbone).weights
    return weights is None or bool(weights.only)
