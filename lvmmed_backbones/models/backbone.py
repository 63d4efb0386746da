"""Any architecture of timm behind one module: maps, the last map or a vector; strict weights; freezing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lvmmed_backbones.models import timm_models
from lvmmed_backbones.models.pyramid import SimpleFeaturePyramid
from lvmmed_backbones.weights.loading import load_strictly

if TYPE_CHECKING:
    from lvmmed_backbones.catalogue.entry import Entry

OUTPUTS = ("maps", "last", "vector")


class Backbone(nn.Module):
    """A model of timm, or one of ours, by its name. It never fetches anything.

    Ours are `sam_vit_b`, `sam_vit_l`, `sam_vit_h` (see `models.sam`) and `scaled_resnet` (see `models.scaled_resnet`);
    timm lists them too.

    Parameters
    ----------
    model_name : str
        One of `timm.list_models()`.
    output : {"maps", "last", "vector"}
        'maps': four maps, at strides 4, 8, 16 and 32. Layers behind the last map (an EfficientNet's head convolution)
        are left out. A plain transformer, which has one stride, gets a simple feature pyramid.
        'last': a tuple of the last map alone, for pretraining: the result of timm's `forward_features`, for a
        transformer as the grid of its patches.
        'vector': a tuple of one (B, C) tensor, pooled as the model itself pools: by class token, average or head.
    img_size : int or (int, int)
        Side of the images in pixels, or height and width. Models with positions or windows are made for it, and weights
        for another size are interpolated; most models take other images too.
    weights : mapping, optional
        `dict(file=..., layout=..., sha256=...)`, plain data, so that a dumped config holds it. `init_weights` loads
        them and must fill every parameter. None: random weights.
    frozen : bool
        Keep the parameters and the statistics of normalisation layers. A feature pyramid, which comes with the task,
        is trained.
    frozen_statistics : bool
        Whether a frozen network stays in evaluation mode. False, as LVM-Med's classifier was released (cls50:90-93,
        155): training mode, so that BatchNorm uses the statistics of each batch and its running statistics drift.
    frozen_stages : int
        Freeze the stem and this number of stages of a ResNet or blocks of a transformer. -1: nothing.
    norm_eval : bool
        Keep the statistics of all BatchNorm layers.
    with_cp : bool
        Whether gradient checkpointing saves memory.
    arguments
        Arguments of the timm model, such as drop_path_rate.

    Attributes
    ----------
    entry : catalogue.Entry or None
        The catalogue's, where `lvmmed_backbones.build` built it.

    Raises
    ------
    ValueError
        If timm has no model of this name, if the model has no such output for images of this size, if an argument would
        fetch weights, if `frozen_statistics` is False of a network that is trained, or if the model cannot do what is
        asked. The message names the model.
    """

    entry: Entry | None = None

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
        frozen_statistics: bool = True,
        **arguments: Any,
    ) -> None:
        super().__init__()
        timm_models.check_request(model_name, arguments)
        if not (frozen or frozen_statistics):
            raise ValueError(
                f"{model_name}: frozen_statistics=False is for a frozen network. Add frozen=True, or leave it out"
            )
        if output not in OUTPUTS:
            raise ValueError(f"output={output!r}: choose 'maps', 'last' or 'vector'")
        self.model_name = self.display_name = model_name
        self.output = self.inner_output = output
        self.weights = weights
        self.frozen = frozen
        self.frozen_statistics = frozen_statistics
        self.norm_eval = norm_eval
        height, width = (img_size, img_size) if isinstance(img_size, int) else img_size
        size = (height, width)
        self.arguments = timm_models.with_image_size(model_name, size, arguments)
        self.network_arguments = dict(self.arguments, num_classes=0)
        patch = timm_models.patch_of(self.plain) if output == "maps" else None
        if patch:
            self.inner_output = "last"
        elif output == "maps":
            levels = timm_models.feature_levels(model_name, self.arguments)
            self.network_arguments = dict(self.arguments, features_only=True, out_indices=levels)
        shapes = timm_models.check_outputs(
            model_name, self.network_arguments, self.inner_output, size
        )
        self.network = timm_models.create(model_name, self.network_arguments)
        self.pyramid = SimpleFeaturePyramid(shapes[-1][1], patch) if patch else None
        if with_cp:
            timm_models.set_checkpointing(model_name, self.network)
        if frozen:
            self.network.requires_grad_(False)
        self._frozen_modules = self._freeze(frozen_stages) if frozen_stages >= 0 else []

    def _freeze(self, last: int) -> list[nn.Module]:
        """Freeze the stem and the stages up to `last`. Return the modules that are frozen as a whole."""
        stages = timm_models.stages_of_parameters(self.model_name, self.plain)
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
        """The whole model without a classifier, on the meta device. It is no submodule of this one."""
        with torch.device("meta"):
            return timm_models.create(self.model_name, dict(self.arguments, num_classes=0))

    @property
    def is_plain_transformer(self) -> bool:
        """Whether it has one stride, as a ViT has: its maps are a pyramid of ours then."""
        return timm_models.patch_of(self.plain) is not None

    @cached_property
    def own_parts(self) -> tuple[str, ...]:
        """Parts that the architecture can have beyond this module's: a file with others is of another architecture."""
        return getattr(self.plain, "own_parts", ())

    @cached_property
    def classifier(self) -> set[str]:
        """Names of the parameters of the model's classifier, which this module leaves out."""
        return timm_models.classifier_names(self.model_name, self.arguments, self.plain)

    def own_names(self) -> dict[str, str]:
        """Return the name in the whole model of each entry of `state_dict()`, so that one file fills every output.

        These are torchvision's names for a ResNet, segment_anything's for SAM's encoder, and else timm's. They leave
        out a feature pyramid, which comes with a task and is in no file.
        """
        names = timm_models.plain_names(self.network, self.plain)
        return {f"network.{name}": own for name, own in names.items()}

    def resampled(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors, given by their own names, as timm's converter fits them to this model.

        Positions and their tables are interpolated to `img_size`. Published weights (DINOv2, MAE, torchvision's
        DenseNet) are renamed if timm knows them. The classifier, and layers that this output does not need, are left
        out.
        """
        fitted = timm_models.converted_weights(self.model_name, tensors, self.plain)
        left_out = self.classifier | self.plain.state_dict().keys() - {*self.own_names().values()}
        return {name: value for name, value in fitted.items() if name not in left_out}

    def init_weights(self) -> None:
        """Load the weights in place of the random ones."""
        if self.weights is not None:
            load_strictly(self, **self.weights)

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode; frozen modules stay in evaluation mode, unless their statistics are to drift."""
        super().train(mode and not (self.frozen and self.frozen_statistics))
        for module in self._frozen_modules:
            module.eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the output of images (B, 3, H, W): four maps (B, C, h, w), one map, or one vector (B, C).

        Raises
        ------
        ValueError
            If the model does not take images of this size.
        """
        height, width = x.shape[-2:]
        try:
            outputs = timm_models.compute_outputs(self.network, self.inner_output, x)
        except (AssertionError, RuntimeError):
            # On the meta device this shows whether the size of the images is the reason.
            timm_models.check_outputs(
                self.model_name, self.network_arguments, self.inner_output, (height, width)
            )
            raise
        if self.pyramid is not None:
            outputs = self.pyramid(outputs[-1], (height, width))
        # mmcv's RoIAlign assumes contiguous maps and silently misreads others.
        return tuple(features.contiguous() for features in outputs)
