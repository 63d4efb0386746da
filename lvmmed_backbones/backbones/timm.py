"""The architectures of timm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from lvmmed_backbones.backbones import timm_models
from lvmmed_backbones.backbones.pretrained import Pretrained


@MODELS.register_module()
class BackboneTIMM(Pretrained):
    """A model of timm by its name; never is anything fetched.

    With `output='maps'` timm leaves out the layers behind the last map (an EfficientNet's head convolution). With
    'last' and 'vector' they are there: the last map is timm's `forward_features`, a transformer's as the grid of its
    patches; the vector is pooled as the model itself pools, by its class token, average, or head.

    Args:
        model_name: one of `timm.list_models()`.
        output: as of `Pretrained`.
        img_size: side in pixels, or (height, width), of the images to come. Models with positions or windows are made
            for it, and weights of another size interpolated to it; most of them take other images too.
        weights, frozen: as of `Pretrained`.
        arguments: of the timm model, such as drop_path_rate.

    Raises:
        ValueError: naming the model, if timm has none of this name; if it has no such output for images of this size;
            if an argument would fetch weights.
    """

    def __init__(
        self,
        model_name: str,
        output: Literal["maps", "last", "vector"] = "maps",
        img_size: int | tuple[int, int] = 224,
        weights: Mapping | None = None,
        frozen: bool = False,
        **arguments: Any,
    ) -> None:
        timm_models.check_request(model_name, arguments)
        super().__init__(output=output, weights=weights, frozen=frozen)
        self.model_name = model_name
        height, width = (img_size, img_size) if isinstance(img_size, int) else img_size
        size = (height, width)
        self.arguments = timm_models.sized(model_name, size, arguments)
        if output == "maps":
            levels = timm_models.pyramid(model_name, self.arguments)
            self.chosen = dict(self.arguments, features_only=True, out_indices=levels)
        else:
            self.chosen = dict(self.arguments, num_classes=0)
        timm_models.check_outputs(model_name, self.chosen, output, size)
        self.timm_model = timm_models.create(model_name, self.chosen)
        # Or mmengine would call the init_weights that some models have.
        self.timm_model.is_init = True  # type: ignore[assignment]
        if frozen:
            self.requires_grad_(False)

    @cached_property
    def plain(self) -> nn.Module:
        """The whole model without a classifier, on the meta device; no submodule of this one."""
        with torch.device("meta"):
            return timm_models.create(self.model_name, dict(self.arguments, num_classes=0))

    @cached_property
    def classifier(self) -> set[str]:
        """Names of the model's classifier, which this one does without."""
        return timm_models.classifier_names(self.model_name, self.arguments, self.plain)

    def own_names(self) -> dict[str, str]:
        """timm's name, in the whole model, of each entry of `state_dict()`, so that one file fills every output."""
        names = timm_models.plain_names(self.timm_model, self.plain)
        return {f"timm_model.{name}": own for name, own in names.items()}

    def resampled(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by timm's names, fitted to this model by timm's own converter of its weights.

        Positions and their tables are interpolated to `img_size`; what others publish (DINOv2, MAE, torchvision's
        DenseNet) is renamed where timm knows it. The classifier, and the layers that this output does without, are
        left out.
        """
        found = timm_models.converted(self.model_name, tensors, self.plain)
        left_out = self.classifier | self.plain.state_dict().keys() - {*self.own_names().values()}
        return {name: value for name, value in found.items() if name not in left_out}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """From (B, 3, H, W) to four maps (B, C, h, w), one, or one (B, C) vector: see `Pretrained`.

        Raises:
            ValueError: if the model does not take images of this size.
        """
        try:
            return timm_models.outputs(self.timm_model, self.output, x)
        except (AssertionError, RuntimeError):
            # The meta device tells whether the images' size is the reason.
            height, width = x.shape[-2:]
            timm_models.check_outputs(self.model_name, self.chosen, self.output, (height, width))
            raise
