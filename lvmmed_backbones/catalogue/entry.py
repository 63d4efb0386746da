"""What the catalogue knows of a backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lvmmed_backbones.weights.source import Weights

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An architecture, its weights, and where they came from.

    Attributes
    ----------
    architecture : str
        In the field's words.
    method : str
        How the weights were learnt.
    corpus : str
        From which images.
    licence : str
        Of the weights.
    source : str
        Paper or page.
    config : mapping
        The registered class and its arguments.
    channels : (int, int, int, int) or None
        Of the four feature maps; None where the architecture has none.
    vector_channels : int
        Length of the pooled vector.
    weights : Weights or None
        None for random ones.
    mean, std : (float, float, float)
        That images in RGB, 0 to 255, are normalised with.
    pretraining_seed : int or None
        That the weights were learnt with, where the backbone has weights of several; else None.
    """

    architecture: str
    method: str
    corpus: str
    licence: str
    source: str
    config: Mapping[str, Any]
    channels: tuple[int, int, int, int] | None
    vector_channels: int
    weights: Weights | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    pretraining_seed: int | None = None

    def model(
        self, output: Literal["maps", "vector"], image_size: int, frozen: bool = False
    ) -> dict[str, Any]:
        """The config of the backbone, its weights on this machine: for `models.from_config`, or mmengine.

        Parameters
        ----------
        output : {"maps", "vector"}
            'maps' for dense heads, 'vector' for classification.
        image_size : int
            Side in pixels of the images to come; positions and windows are made for it.
        frozen : bool
            Keep the weights as they are.

        Raises
        ------
        ValueError
            If the architecture has no maps, and they are asked for.
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
        return config
