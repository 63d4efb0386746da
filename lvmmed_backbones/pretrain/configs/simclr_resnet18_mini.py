"""SimCLR, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain simclr_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/simclr.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512),
)
optim_wrapper = dict(optimizer=dict(lr=3e-3))  # as in the small config
