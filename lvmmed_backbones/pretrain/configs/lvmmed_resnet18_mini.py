"""LVM-Med, ResNet-18, as 2 cores can bear it.

16 samples of a noise of scale 0.1 instead of one of scale 1: with one, the estimate's variance drowns what a short
run can learn.

    python -m lvmmed_backbones pretrain lvmmed_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(depth=18),
    neck=dict(in_channels=512, hid_channels=512, out_channels=128),
    head=dict(channels=128, noise=0.1, samples=16),
)
