"""The architectures, each registered in mmengine's root registry, where every OpenMMLab package finds it."""

from lvmmed_backbones.backbones.resnet import BackboneResNet
from lvmmed_backbones.backbones.timm import BackboneTIMM
from lvmmed_backbones.backbones.vit_sam import BackboneViTSAM

__all__ = ["BackboneResNet", "BackboneTIMM", "BackboneViTSAM"]
