"""LVM-Med, ResNet-18, for phantoms and tests on 2 cores.

All of the paper's parts at the paper's weights, but 16 samples of a noise of scale 0.1 in place of one of scale 1; its
learning rate is that of the small config, where it was searched (docs/evidence.md).

    python -m lvmmed_backbones pretrain lvmmed_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512, out_channels=128),
    head=dict(channels=128, noise=0.1, samples=16),
)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
