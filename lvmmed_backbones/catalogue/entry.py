"""The entry of a backbone in the catalogue."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lvmmed_backbones.weights.source import Weights

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An architecture, its weights, and where they came from. By default the weights are random.

    Attributes
    ----------
    architecture : str
        Name of the architecture, such as ResNet-50.
    method : str
        The pretraining method of the weights.
    corpus : str
        The images of the pretraining.
    data_sets : tuple of str or None
        The data sets that its own pretraining saw: names of `lvmmed_backbones.data_sets`, or others; None: nobody
        declared them.
    started_from : str or None
        What its pretraining began with: a backbone of the catalogue, or another name, of which nothing is known then;
        None: random weights.
    corpus_id : str or None
        By what audits know its images: the fingerprint of a corpus of `corpus build`, or the name of a published one.
    licence : str
        Licence of the weights.
    source : str
        Paper or web page.
    mean, std : (float, float, float)
        Normalisation of images in RGB, 0 to 255.
    image_size : int
        Side in pixels of the images that a frozen evaluation gives it.
    config : mapping
        Registered type of the backbone, and its arguments.
    channels : (int, int, int, int) or None
        Widths of the four feature maps; None if the architecture has no such maps.
    vector_channels : int
        Length of the pooled vector.
    weights : Weights or None
        None for random weights.
    pretraining_seed : int or None
        Seed of the pretraining, if the backbone has weights of several seeds; else None.

    Raises
    ------
    ValueError
        If mean, std, a width or the size cannot be one, or the config has no type.
    """

    architecture: str
    method: str = "random"
    corpus: str = "none"
    data_sets: tuple[str, ...] | None = None
    started_from: str | None = None
    corpus_id: str | None = None
    licence: str = "none"
    source: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    image_size: int = 224
    config: Mapping[str, Any]
    channels: tuple[int, int, int, int] | None
    vector_channels: int
    weights: Weights | None = None
    pretraining_seed: int | None = None

    def __post_init__(self) -> None:
        for fact in ("mean", "std"):
            values = getattr(self, fact)
            right = len(values) == 3 and all(isinstance(v, int | float) for v in values)
            if (
                not right
                or not all(map(math.isfinite, values))
                or (fact == "std" and min(values) <= 0)
            ):
                above = ", each above 0" if fact == "std" else ""
                raise ValueError(
                    f"{self.architecture}: {fact}={values!r}: give three numbers{above}, of R, G and B in 0 to 255"
                )
        widths = (*(self.channels or ()), self.vector_channels, self.image_size)
        if len(self.channels or range(4)) != 4 or not all(type(w) is int and w > 0 for w in widths):
            raise ValueError(
                f"{self.architecture}: channels={self.channels!r}, vector_channels={self.vector_channels!r}, "
                f"image_size={self.image_size!r}: give four widths or None, a width, and pixels"
            )
        if not isinstance(self.config.get("type"), str):
            raise ValueError(f"{self.architecture}: config has no type, such as 'Backbone'")

    def model(
        self, output: Literal["maps", "vector"], image_size: int, frozen: bool = False
    ) -> dict[str, Any]:
        """Return the config of the backbone for `models.from_config` or mmengine, with its weights on this machine.

        Parameters
        ----------
        output : {"maps", "vector"}
            'maps' for dense heads, 'vector' for classification.
        image_size : int
            Side of the images in pixels. Positions and windows are made for it.
        frozen : bool
            Whether training leaves the weights as they are.

        Raises
        ------
        ValueError
            If `output` is 'maps' and the architecture has no such maps.
        FileNotFoundError, ConnectionError, ValueError
            As `Weights.fetch`.
        """
        if output == "maps" and self.channels is None:
            raise ValueError(
                f"{self.architecture} has no maps at strides 4, 8, 16 and 32: "
                "use it for classification, or choose another backbone"
            )
        config = dict(self.config, output=output, frozen=frozen, img_size=image_size)
        if self.weights is not None:
            config["weights"] = dict(
                file=str(self.weights.fetch()),
                layout=self.weights.layout,
                sha256=self.weights.sha256,
            )
            if self.weights.only:
                config["weights"]["only"] = self.weights.only
        return config
