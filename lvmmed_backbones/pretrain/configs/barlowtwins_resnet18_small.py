"""Barlow Twins, ResNet-18 of half the width, for real images on a few cores.

    python -m lvmmed_backbones pretrain barlowtwins_resnet18_small --corpus CORPUS
"""

_base_ = ["_base_/barlowtwins.py", "_base_/small.py"]

model = dict(
    backbone=dict(model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32),
    neck=dict(in_channels=256, hid_channels=512, out_channels=512),
    head=dict(in_channels=512),
)
