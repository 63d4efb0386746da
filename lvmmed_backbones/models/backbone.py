"""Any architecture of timm behind one module: maps, the last map or a vector; strict weights; freezing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lvmmed_backbones.models import timm_models
from lvmmed_backbones.models.pyramid import SimpleFeaturePyramid
from lvmmed_backbones.weights.loading import load_strictly

OUTPUTS = ("maps", "last", "vector")


class Backbone(nn.Module):
    """A model of timm, or one of ours that timm lists, by its name; nothing is ever fetched.

    Ours are `sam_vit_b`, `sam_vit_l`, `sam_vit_h` (see `models.sam`) and `scaled_resnet` (see `models.scaled_resnet`).

    Parameters
    ----------
    model_name : str
        One of `timm.list_models()`.
    output : {"maps", "last", "vector"}
        'maps': four maps, at strides 4, 8, 16 and 32. Layers behind the last of them (an EfficientNet's head
        convolution) are left out. A plain transformer, which has one stride, gets a simple feature pyramid.
        'last': a tuple of the last map alone, what pretraining starts from: timm's `forward_features`, a transformer's
        as the grid of its patches. 'vector': a tuple of one (B, C) tensor, pooled as the model itself pools: by its
        class token, average, or head.
    img_size : int or (int, int)
        Side in pixels, or height and width, of the images to come. Models with positions or windows are made for it,
        and weights of another size interpolated to it; most of them take other images too.
    weights : mapping, optional
        `dict(file=..., layout=..., sha256=...)`, plain data, so that a dumped config carries it. `init_weights` loads
        them; every parameter must be filled. None: random ones.
    frozen : bool
        Keep the parameters, and the statistics of normalisation layers, as they are; a feature pyramid, which comes
        with the task, is trained.
    frozen_stages : int
        Freeze the stem (0), and so many stages of a ResNet or blocks of a transformer. -1: none.
    norm_eval : bool
        Keep the statistics of all BatchNorm layers.
    with_cp : bool
        Save memory by gradient checkpointing.
    arguments
        Of the timm model, such as drop_path_rate.

    Raises
    ------
    ValueError
        Naming the model, if timm has none of this name; if it has no such output for images of this size; if an
        argument would fetch weights; if the model cannot do what is asked.
    """

    def __init__(
        self,
        model_name: str,
        output: Literal["maps", "last", "vector"] = "maps",
        img_size: int | tuple[int, int] = 224,
        weights: Mapping | None = None,
        frozen: bool = False,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        **arguments: Any,
    ) -> None:
        super().__init__()
        timm_models.check_request(model_name, arguments)
        if output not in OUTPUTS:
            raise ValueError(f"output={output!r}: choose 'maps', 'last' or 'vector'")
        self.model_name = self.said = model_name
        self.output = self.inner_output = output
        self.weights = weights
        self.frozen = frozen
        self.norm_eval = norm_eval
        height, width = (img_size, img_size) if isinstance(img_size, int) else img_size
        size = (height, width)
        self.arguments = timm_models.sized(model_name, size, arguments)
        self.chosen = dict(self.arguments, num_classes=0)
        patch = timm_models.patch_of(self.plain) if output == "maps" else None
        if patch:
            self.inner_output = "last"
        elif output == "maps":
            levels = timm_models.levels(model_name, self.arguments)
            self.chosen = dict(self.arguments, features_only=True, out_indices=levels)
        shapes = timm_models.check_outputs(model_name, self.chosen, self.inner_output, size)
        self.network = timm_models.create(model_name, self.chosen)
        self.pyramid = SimpleFeaturePyramid(shapes[-1][1], patch) if patch else None
        if with_cp:
            timm_models.checkpointing(model_name, self.network)
        if frozen:
            self.network.requires_grad_(False)
        self._still = self._freeze(frozen_stages) if frozen_stages >= 0 else []

    def _freeze(self, last: int) -> list[nn.Module]:
        """Freeze the stem and the stages up to `last`; the modules that are wholly frozen."""
        stages = timm_models.stages(self.model_name, self.plain)
        names = timm_models.plain_names(self.network, self.plain)
        for name, parameter in self.network.named_parameters():
            if stages[names[name]] <= last:
                parameter.requires_grad_(False)
        return [
            module
            for module in self.network.modules()
            if (own := list(module.parameters())) and not any(p.requires_grad for p in own)
        ]

    @cached_property
    def plain(self) -> nn.Module:
        """The whole model without a classifier, on the meta device; no submodule of this one."""
        with torch.device("meta"):
            return timm_models.create(self.model_name, dict(self.arguments, num_classes=0))

    @cached_property
    def own_parts(self) -> tuple[str, ...]:
        """Parts that the architecture can have beyond those of this module: a file with them is of another one."""
        return getattr(self.plain, "own_parts", ())

    @cached_property
    def classifier(self) -> set[str]:
        """Names of the model's classifier, which this one does without."""
        return timm_models.classifier_names(self.model_name, self.arguments, self.plain)

    def own_names(self) -> dict[str, str]:
        """The name in the whole model of each entry of `state_dict()`, so that one file fills every output.

        These are torchvision's names for a ResNet, segment_anything's for SAM's encoder, and timm's. A feature
        pyramid, which comes with a task, so that no file holds it, is left out.
        """
        names = timm_models.plain_names(self.network, self.plain)
        return {f"network.{name}": own for name, own in names.items()}

    def resampled(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by their own names, fitted to this model by timm's own converter of its weights.

        Positions and their tables are interpolated to `img_size`; what others publish (DINOv2, MAE, torchvision's
        DenseNet) is renamed where timm knows it. The classifier, and the layers that this output does without, are
        left out.
        """
        found = timm_models.converted(self.model_name, tensors, self.plain)
        left_out = self.classifier | self.plain.state_dict().keys() - {*self.own_names().values()}
        return {name: value for name, value in found.items() if name not in left_out}

    def init_weights(self) -> None:
        """Load the weights over the random ones, which are there from the start."""
        if self.weights is not None:
            load_strictly(self, **self.weights)

    def train(self, mode: bool = True) -> Backbone:
        """What is frozen stays in evaluation mode."""
        super().train(mode and not self.frozen)
        for module in self._still:
            module.eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """From (B, 3, H, W) to four maps (B, C, h, w), one, or one (B, C) vector: see `output`.

        Raises
        ------
        ValueError
            If the model does not take images of this size.
        """
        height, width = x.shape[-2:]
        try:
            found = timm_models.outputs(self.network, self.inner_output, x)
        except (AssertionError, RuntimeError):
            # The meta device tells whether the images' size is the reason.
            timm_models.check_outputs(
                self.model_name, self.chosen, self.inner_output, (height, width)
            )
            raise
        if self.pyramid is not None:
            found = self.pyramid(found[-1], (height, width))
        # mmcv's RoIAlign takes any map for one that is contiguous, and reads others wrong without a word.
        return tuple(features.contiguous() for features in found)
