"""LVM-Med, ResNet-18 of half the width, for real images on a few cores.

All of the paper's parts at the paper's weights, but 16 samples of a noise of scale 0.1 in place of one of scale 1; its
learning rate is higher than its peers', by the same search (docs/evidence.md).

    python -m lvmmed_backbones pretrain lvmmed_resnet18_small --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/small.py"]

model = dict(
    backbone=dict(model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32),
    neck=dict(in_channels=256, hid_channels=512, out_channels=128),
    head=dict(channels=128, noise=0.1, samples=16),
)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
