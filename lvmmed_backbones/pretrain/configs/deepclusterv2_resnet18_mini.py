"""DeepCluster-v2, ResNet-18, as 2 cores can bear it.

    python -m lvmmed_backbones pretrain deepclusterv2_resnet18_mini --corpus CORPUS
"""

_base_ = ["_base_/deepclusterv2.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(model_name="resnet18"),
    neck=dict(in_channels=512, hid_channels=512, out_channels=128),
    clusters=(32, 32, 32),
)
custom_hooks = [*_base_.custom_hooks, dict(type="DeepClusterHook")]
train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
