"""What the released end-to-end networks share: their loss, and predictions at the size that they see."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor

from lvmmed_backbones import models
from lvmmed_backbones.models import Backbone
from tasks.release.losses import segmentation_losses


class Segmenter(BaseModel):
    """Trains logits by the released loss. Nothing is resized back: the release scores at the network's resolution.

    evaluate.py:8-33, against resized masks.

    Parameters
    ----------
    backbone : mapping
        Config of a `Backbone`, with its weights if it has any.
    classes : int
        C.
    channels : int
        That the network sees: 3, or 1, the first of three equal ones.
    data_preprocessor : mapping
        Of mmsegmentation.

    Attributes
    ----------
    stride : int
        The sides of the images must be multiples of it.
    """

    stride: int

    def __init__(
        self,
        backbone: Mapping[str, Any],
        classes: int,
        channels: int = 3,
        data_preprocessor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor and dict(data_preprocessor))
        self.of_catalogue, self.classes, self.channels = dict(backbone), classes, channels

    def init_weights(self) -> None:
        """Give the network the backbone's weights; without weights it stays as it is, random."""
        if self.of_catalogue.get("weights") is None:
            return
        module = models.from_config(self.of_catalogue)
        module.init_weights()
        self.fill(module)

    @abstractmethod
    def fill(self, module: Backbone) -> None:
        """Take the weights of the backbone, each tensor that the network has of it."""

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """Compute (B, C, H, W) from images (B, 3, H, W)."""

    def forward(self, inputs: Tensor, data_samples: Sequence, mode: str = "tensor") -> Any:
        """Compute losses, predictions or logits, as mmengine asks.

        Raises
        ------
        ValueError
            If the images have another size than the network takes, or a mask a label that is no class.
        """
        height, width = inputs.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f"images of {width} x {height} px: the sides must be multiples of {self.stride}. "
                "Choose another scale of NearestResize"
            )
        if mode == "tensor":
            return self.logits(inputs)
        self._check_labels(data_samples)
        logits = self.logits(inputs)
        if mode == "loss":
            truth = torch.cat([sample.gt_sem_seg.data for sample in data_samples])
            return segmentation_losses(logits, truth)
        for sample, labels in zip(data_samples, logits.argmax(1, keepdim=True), strict=True):
            sample.pred_sem_seg = PixelData(data=labels)
        return data_samples

    def _check_labels(self, samples: Sequence) -> None:
        largest = torch.stack([sample.gt_sem_seg.data.max() for sample in samples]).tolist()
        for sample, label in zip(samples, largest, strict=True):
            if label >= self.classes:
                raise ValueError(
                    f"{sample.seg_map_path}: has label {label}, the task has 0 to {self.classes - 1}. "
                    "Prepare the data set again"
                )
