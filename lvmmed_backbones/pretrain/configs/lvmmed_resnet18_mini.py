"""LVM-Med, ResNet-18, as 2 cores can bear it.

16 samples of a noise of scale 0.1 instead of one of scale 1, edge affinities at a tenth of their weight and no
message passing: with the paper's values hardly anything is learnt in a few hundred steps (the curves are in
docs/pretraining.md).

    python -m lvmmed_backbones pretrain lvmmed_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(depth=18),
    neck=dict(in_channels=512, hid_channels=512, out_channels=128),
    head=dict(channels=128, message_passing=0, second_order=0.1, noise=0.1, samples=16),
)
