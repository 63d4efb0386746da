"""VICRegL, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain vicregl_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/vicregl.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512, out_channels=512),
    in_channels=512,
    local_channels=128,
)
