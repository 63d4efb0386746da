"""The released end-to-end network: segmentation-models-pytorch's U-Net around a backbone of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import torch
from mmengine.registry import MODELS
from torch import Tensor

from lvmmed_backbones import models
from lvmmed_backbones.catalogue.architectures import RESNETS
from lvmmed_backbones.models import Backbone
from lvmmed_backbones.models.scaled_resnet import BLOCKS
from lvmmed_backbones.models.timm_models import TIMM_ERRORS, plain_names
from tasks.release.segmenter import Segmenter


@MODELS.register_module()
class ReleasedUNet(Segmenter):
    """smp.Unet with its defaults: five levels, decoder of 256 to 16 channels, BatchNorm, no activation at the end.

    segmentation_2d/train_R50_seg_adam_optimizer_2d.py:220-225. Nothing is frozen. `backbone` is smp's encoder of the
    architecture, with the backbone's weights, or without weights with smp's random ones, as the release's "scratch".

    Parameters
    ----------
    backbone : mapping
        Config of a `Backbone` of output 'vector', with its weights.
    classes : int
        C.
    channels : int
        That the network sees: 3, or 1, the first of three equal ones; its first convolution then has the sum of the
        weights for three (smp's `patch_first_conv`).
    data_preprocessor : mapping
        Of mmsegmentation.

    Raises
    ------
    ValueError
        If smp has no such encoder: a plain transformer, or a model without maps at strides 2 or 4 to 32.
    """

    stride = 32

    def __init__(
        self,
        backbone: Mapping[str, Any],
        classes: int,
        channels: int = 3,
        data_preprocessor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(backbone, classes, channels, data_preprocessor)
        with torch.device("meta"):
            module = models.from_config(backbone)
        self.encoder = _encoder_of(module)
        arguments = dict(self.encoder)
        try:
            unet = smp.Unet(
                arguments.pop("name"),
                encoder_weights=None,
                in_channels=channels,
                classes=classes,
                **arguments,
            )
        except TIMM_ERRORS as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise ValueError(
                f"{module.display_name} {module.arguments} builds no U-Net of segmentation-models-pytorch ({reason}). "
                f"Take {', '.join(RESNETS)}, or a model of timm with maps at strides 2 to 32, or --recipe suite"
            ) from error
        self.backbone, self.decoder = unet.encoder, unet.decoder
        self.segmentation_head = unet.segmentation_head

    def fill(self, module: Backbone) -> None:
        """Fill the encoder with the backbone's weights, each tensor of it."""
        values = module.state_dict()
        own = {name: values[entry] for entry, name in module.own_names().items()}
        with torch.device("meta"):
            of_colours = smp.encoders.get_encoder(weights=None, **self.encoder)
        network = getattr(self.backbone, "model", self.backbone)  # timm's lies within
        names = plain_names(getattr(of_colours, "model", of_colours), module.plain)
        wanted = network.state_dict()
        network.load_state_dict(
            {
                name: own[plain]
                if own[plain].shape == wanted[name].shape
                else own[plain].sum(1, keepdim=True)  # the first convolution, of grey images
                for name, plain in names.items()
            }
        )

    def logits(self, images: Tensor) -> Tensor:
        """Compute (B, C, H, W) of images (B, 3, H, W)."""
        return self.segmentation_head(self.decoder(self.backbone(images[:, : self.channels])))


def _encoder_of(module: Backbone) -> dict[str, Any]:
    """Return smp's name of a backbone's architecture, and the arguments that timm gets."""
    name, arguments = module.model_name, dict(module.arguments)
    if name in RESNETS and not arguments:
        return dict(name=name)
    if name == "scaled_resnet":  # of whose arguments smp takes `depth` for its own
        arguments |= zip(("block", "layers"), BLOCKS[arguments.pop("depth", 50)], strict=True)
    return dict(name=f"tu-{name}", **arguments)
