"""A backbone as a plain torch module."""

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
    """The backbone `name` of the catalogue, with its weights.

    Parameters
    ----------
    name : str
        See `python -m lvmmed_backbones list`.
    output : {"maps", "vector"}
        'maps': the module gives four feature maps, at strides 4, 8, 16 and 32; 'vector': a tuple of one (B, C) tensor.
    image_size : int
        Side in pixels of the images to come; a transformer's position embeddings are fitted to it.
    frozen : bool
        No gradients, evaluation mode for good.
    seed : int
        Of the pretraining, where the backbone has several.

    Returns
    -------
    models.Backbone
        A module that takes (B, 3, H, W) images, normalised by the catalogue entry's mean and std.

    Raises
    ------
    ValueError
        If there is no such backbone or seed of it, or its weights do not fit.
    FileNotFoundError
        If its weights can only be fetched by hand.

    Examples
    --------
    >>> import torch, lvmmed_backbones
    >>> model = lvmmed_backbones.build("random_resnet50")
    >>> [tuple(m.shape) for m in model(torch.zeros(1, 3, 64, 64))]
    [(1, 256, 16, 16), (1, 512, 8, 8), (1, 1024, 4, 4), (1, 2048, 2, 2)]
    """
    model = models.from_config(catalogue.get(name, seed).model(output, image_size, frozen))
    model.init_weights()
    return model
