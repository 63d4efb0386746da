"""Backbones for medical imaging: architectures, weights and where they came from.

Importing this package registers the backbones with mmengine (so that mmpretrain, mmsegmentation and mmdetection build
them by name) and lets torch's safe loader read mmengine's checkpoints.
"""

from lvmmed_backbones.backbones import BackboneResNet, BackboneTIMM, BackboneViTSAM
from lvmmed_backbones.build import build
from lvmmed_backbones.safe_globals import allow_mmengine_checkpoints

allow_mmengine_checkpoints()

__all__ = ["BackboneResNet", "BackboneTIMM", "BackboneViTSAM", "build"]
