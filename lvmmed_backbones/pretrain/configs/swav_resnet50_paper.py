"""SwAV, ResNet-50, at the size of LVM-Med's run.

Source: Caron et al., NeurIPS 2020, as mmpretrain has it: two large views and six small ones, 3000 prototypes.
Size: that of LVM-Med's run (MH Nguyen et al., NeurIPS 2023, section 4.1): 1.3 million images, 3200 a step on 16 GPUs,
100 epochs, bfloat16.
Differs from SwAV's paper: colours and optimiser are those of simclr_resnet50_paper. There is no queue, since a step
has 3200 images.
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain swav_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="SwAV",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="SwAVDirectionNeck", in_channels=2048, hid_channels=2048, out_channels=128, norm_cfg=dict(type="BN1d")
    ),
    head=dict(
        type="SwAVHead",
        loss=dict(type="SwAVLoss", feat_dim=128, epsilon=0.05, temperature=0.1, num_crops=[2, 6]),
    ),
)
views = dict(
    type="RandomViews",
    crops=[dict(number=2, size=224, scale=(0.14, 1.0)), dict(number=6, size=96, scale=(0.05, 0.14))],
    transforms=_base_.distortions,
)
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6),
    paramwise_cfg=dict(bypass_duplicate=True, **_base_.lars_exclusions),  # SwAVNeck names its norm twice
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
custom_hooks = [
    *_base_.custom_hooks,
    # The prototypes rest for the first epoch.
    dict(type="SwAVHook", priority="VERY_HIGH", batch_size=200, frozen_layers_cfg=dict(prototypes=406)),
]
