"""DINO: self-distillation without labels."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModule, ExponentialMovingAverage
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import linear

from lvmmed_backbones.pretrain.arguments import (
    Count,
    CountOrZero,
    Positive,
    Share,
    checked,
)
from lvmmed_backbones.pretrain.losses.directions import directions
from lvmmed_backbones.pretrain.losses.distillation import distillation_loss


@MODELS.register_module()
class DINO(BaseSelfSupervisor):
    """DINO (Caron et al., ICCV 2021, algorithm 1).

    Teacher and student see the first two views; only the student sees further, smaller views. Unlike in the paper, the
    teacher's momentum and the weight decay are constant.

    Parameters
    ----------
    backbone : dict
        Config of the backbone, with `output="last"` for one feature map.
    neck : dict
        Config of `DINOHead`.
    momentum : float
        Share of the student in each update of the teacher. The paper begins at 0.004.
    student_temperature, teacher_temperature : float
        Temperatures of the softmax.
    first_temperature : float
        Temperature of the teacher at the first step; it rises to `teacher_temperature` over `warm_up` steps.
    centre_momentum : float
        Momentum of the centre, the mean of the teacher's outputs, which is subtracted from them.
    arguments
        Further arguments of mmpretrain's BaseSelfSupervisor.
    """

    @checked
    def __init__(
        self,
        backbone: dict,
        neck: dict,
        momentum: Share = 0.004,
        student_temperature: Positive = 0.1,
        teacher_temperature: Positive = 0.04,
        first_temperature: Positive = 0.04,
        warm_up: CountOrZero = 0,
        centre_momentum: Share = 0.9,
        **arguments: Any,
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, **arguments)
        self.teacher = ExponentialMovingAverage(nn.Sequential(self.backbone, self.neck), momentum)
        self.student_temperature = student_temperature
        self.temperatures = first_temperature, teacher_temperature
        self.warm_up = warm_up
        self.centre_momentum = centre_momentum
        self.register_buffer("centre", torch.zeros(self.neck.prototypes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the loss of V views (N, 3, H_v, W_v) of each image."""
        if len(inputs) < 2:
            raise ValueError(f"{len(inputs)} views of each image: DINO takes 2 or more")
        with torch.no_grad():
            self.teacher.update_parameters(nn.Sequential(self.backbone, self.neck))
            targets = [self.teacher(view)[0].float() for view in inputs[:2]]
        outputs = [self.neck(self.backbone(view))[0].float() for view in inputs]
        loss = distillation_loss(
            outputs, targets, self.centre, self.student_temperature, self.temperature()
        )
        self.move_centre(torch.cat(targets))
        self.steps += 1
        return dict(loss=loss)

    def temperature(self) -> float:
        """Return the temperature of the teacher at this step."""
        first, last = self.temperatures
        progress = min(1.0, int(self.steps) / self.warm_up) if self.warm_up else 1.0
        return first + progress * (last - first)

    @torch.no_grad()
    def move_centre(self, targets: Tensor) -> None:
        """Move the centre towards the mean of the teacher's outputs (B, K) in all processes (eq. 4)."""
        mean = targets.mean(0)
        all_reduce(mean, "mean")
        self.centre.lerp_(mean, 1 - self.centre_momentum)


@MODELS.register_module()
class DINOHead(BaseModule):
    """Average pooling, three layers, a bottleneck of length 1, and prototypes of length 1 (section 3.1, appendix C).

    Parameters
    ----------
    in_channels : int
        Channels of the feature map.
    hid_channels, bottleneck : int
        Channels of the layers.
    prototypes : int
        Number K of prototypes.
    """

    @checked
    def __init__(
        self,
        in_channels: Count,
        hid_channels: Count = 2048,
        bottleneck: Count = 256,
        prototypes: Count = 65536,
    ) -> None:
        super().__init__()
        self.prototypes = prototypes
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hid_channels),
            nn.GELU(),
            nn.Linear(hid_channels, hid_channels),
            nn.GELU(),
            nn.Linear(hid_channels, bottleneck),
        )
        self.directions = nn.Parameter(torch.randn(prototypes, bottleneck))

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Compute logits (B, K) from one map (B, C, h, w)."""
        z = directions(self.layers(maps[-1].mean(dim=(2, 3))))
        return (linear(z, directions(self.directions)),)
