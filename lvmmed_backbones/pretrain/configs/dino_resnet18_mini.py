"""DINO, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain dino_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/dino.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512, bottleneck=128, prototypes=1024),
    warm_up=100,
)
train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
