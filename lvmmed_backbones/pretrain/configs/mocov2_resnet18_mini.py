"""MoCo v2, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain mocov2_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/mocov2.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    queue_len=1024,
    momentum=0.01,  # the average of 100 steps, not of 1000: the run has a few hundred
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512),
)
