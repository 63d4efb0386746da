"""Any architecture of timm."""

from __future__ import annotations

from typing import Any, Literal

from mmengine.registry import MODELS
from mmpretrain.models.backbones import TIMMBackbone

from lvmmed_backbones.backbones.pretrained import Pretrained


@MODELS.register_module()
class BackboneTIMM(Pretrained, TIMMBackbone):
    """mmpretrain's TIMMBackbone, by timm's name of the model.

    With `output='maps'` timm leaves out the layers behind the last map (an EfficientNet's head convolution); with
    'last' and 'vector' they are there, and the vector is as long as timm's `num_features`.

    Args:
        model_name: as in `timm.list_models()`; its weights come by `weights`, never from timm's hub.
        out_indices: the four levels of timm's feature pyramid at strides 4, 8, 16 and 32.
        arguments: of `Pretrained` and of the timm model.
    """

    def __init__(
        self,
        model_name: str,
        output: Literal["maps", "last", "vector"] = "maps",
        out_indices: tuple[int, ...] = (1, 2, 3, 4),
        **arguments: Any,
    ) -> None:
        if output == "maps":
            arguments.update(features_only=True, out_indices=tuple(out_indices))
        super().__init__(model_name=model_name, output=output, **arguments)
