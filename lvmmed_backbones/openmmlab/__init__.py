"""Registers the backbones: `custom_imports = dict(imports=["lvmmed_backbones.openmmlab"])` in a config.

mmpretrain, mmsegmentation and mmdetection then build them by name; every run finds `NonFiniteHook`. torch's safe
loader reads mmengine's checkpoints.
"""

from lvmmed_backbones.backbones import BackboneResNet, BackboneTIMM, BackboneViTSAM
from lvmmed_backbones.openmmlab import finite  # noqa: F401
from lvmmed_backbones.safe_globals import allow_mmengine_checkpoints

allow_mmengine_checkpoints()

__all__ = ["BackboneResNet", "BackboneTIMM", "BackboneViTSAM"]
