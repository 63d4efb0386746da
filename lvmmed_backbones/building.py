"""Build a backbone as a plain torch module."""

from __future__ import annotations

from typing import Literal

from lvmmed_backbones import catalogue, models


def build(
    name: str,
    output: Literal["maps", "vector"] = "maps",
    image_size: int = 224,
    frozen: bool = False,
    seed: int = 0,
) -> models.Backbone:
    """Build a backbone of the catalogue with its weights.

    Parameters
    ----------
    name : str
        A name that `python -m lvmmed_backbones list` shows.
    output : {"maps", "vector"}
        'maps': the module gives four feature maps, at strides 4, 8, 16 and 32; 'vector': a tuple of one (B, C) tensor.
    image_size : int
        Side of the images in pixels; a transformer's position embeddings are fitted to it.
    frozen : bool
        Whether the module has no gradients and always stays in evaluation mode.
    seed : int
        Seed of the pretraining, if the backbone has several.

    Returns
    -------
    models.Backbone
        A module for images (B, 3, H, W), normalised by `entry.mean` and `entry.std`: its `entry` is the catalogue's,
        with the widths of its outputs and the licence of its weights, too.

    Raises
    ------
    ValueError
        If there is no such backbone, or no such seed of it, or if its weights do not fit.
    FileNotFoundError
        If its weights must be downloaded by hand.

    Examples
    --------
    >>> import torch, lvmmed_backbones
    >>> model = lvmmed_backbones.build("random_resnet50")
    >>> [tuple(m.shape) for m in model(torch.zeros(1, 3, 64, 64))]
    [(1, 256, 16, 16), (1, 512, 8, 8), (1, 1024, 4, 4), (1, 2048, 2, 2)]
    """
    entry = catalogue.get(name, seed)
    model = models.from_config(entry.model(output, image_size, frozen))
    model.init_weights()
    model.entry = entry
    return model
