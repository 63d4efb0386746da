"""What every backbone of the suite adds to its architecture: strict weights, freezing, two kinds of output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmengine.model import BaseModule
from torch import Tensor

from lvmmed_backbones.weights.loading import load_strictly


class Pretrained(BaseModule):
    """Mixin before an architecture of mmpretrain.

    Args:
        output: 'maps': forward gives the architecture's four feature maps, at strides 4, 8, 16 and 32;
            'last': a tuple of the last of the architecture's own maps alone, what pretraining starts from;
            'vector': a tuple of one (B, C) tensor, the average of that map.
        weights: None for random ones, or `dict(file=..., layout=..., sha256=...)`, plain data, so that a dumped
            config carries it. Loaded after the random initialisation; every parameter must be filled.
        frozen: keep the parameters, and the statistics of normalisation layers, as they are.
        arguments: the architecture's.
    """

    # Parts that the architecture can have beyond those that this module has: a file that holds them is of another one.
    own_parts: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        output: Literal["maps", "last", "vector"] = "maps",
        weights: Mapping | None = None,
        frozen: bool = False,
        **arguments: Any,
    ) -> None:
        if output not in ("maps", "last", "vector"):
            raise ValueError(f"output={output!r}: choose 'maps', 'last' or 'vector'")
        self.output = output
        self.weights = weights
        self.frozen = frozen
        super().__init__(**arguments)
        if frozen:
            self.requires_grad_(False)

    def own_names(self) -> dict[str, str]:
        """The name that the architecture's own project has for each entry of `state_dict()`, one to one.

        What comes with a task, so that no checkpoint holds it, is left out. Files are stored under these names.
        """
        return {name: name for name in self.state_dict()}

    def resampled(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Tensors by their own names, fitted to this module's image size: positions are interpolated."""
        return tensors

    def init_weights(self) -> None:
        """Initialise at random, then load the weights over it."""
        super().init_weights()
        if self.weights is not None:
            load_strictly(self, **self.weights)

    def train(self, mode: bool = True) -> Pretrained:
        """A frozen backbone stays in evaluation mode."""
        super().train(
            mode and not getattr(self, "frozen", False)
        )  # mmpretrain's ResNet returns nothing
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """From (B, 3, H, W) to four maps (B, C, h, w), one, or one (B, C) vector: see `output`."""
        features = super().forward(x)
        if self.output == "maps":
            return features
        last = features[-1]
        return (last.mean(dim=(2, 3)),) if self.output == "vector" else (last,)
