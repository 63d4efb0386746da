"""DeepCluster-v2, ResNet-18.

Source: Caron et al., NeurIPS 2020 (SwAV), appendix D.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from the paper: two small views (there six), clusterings of 32, AdamW, weak colour changes, no blur.
Score and time: not measured.

    python -m lvmmed_backbones pretrain deepclusterv2_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="DeepClusterV2",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(
        type="NonLinearNeck", in_channels=512, hid_channels=512, out_channels=128,
        with_last_bn=False, with_last_bias=True, norm_cfg=dict(type="BN1d"),
    ),
    channels=128, clusters=(32, 32, 32), temperature=0.1,
)
views = dict(
    type="RandomViews",
    crops=[dict(number=2, size=64, scale=(0.3, 1.0)), dict(number=2, size=32, scale=(0.1, 0.3))],
    transforms=_base_.distortions,
)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
custom_hooks = [*_base_.custom_hooks, dict(type="DeepClusterHook")]  # clusters before each epoch
