"""LVM-Med, ResNet-18 of half the width, for real images on a few cores.

    python -m lvmmed_backbones pretrain lvmmed_resnet18_small --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/small.py"]

model = dict(
    backbone=dict(depth=18, stem_channels=32, base_channels=32),
    neck=dict(in_channels=256, hid_channels=512, out_channels=128),
    head=dict(channels=128, message_passing=0, second_order=0.1, noise=0.1, samples=16),
)
