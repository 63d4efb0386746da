"""SwAV, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain swav_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/swav.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512),
    head=dict(loss=dict(num_prototypes=64, num_crops=[2, 2])),
)
train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
