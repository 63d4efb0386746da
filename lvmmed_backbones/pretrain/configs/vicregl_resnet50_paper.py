"""VICRegL, ResNet-50, at the size of LVM-Med's run.

Source: Bardes et al., NeurIPS 2022, with its values for ResNet-50.
Size: that of LVM-Med's run (MH Nguyen et al., NeurIPS 2023, section 4.1): 1.3 million images, 3200 a step on 16 GPUs,
100 epochs, bfloat16.
Differs from VICRegL's paper: views, learning rate and weight decay are those of simclr_resnet50_paper.
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain vicregl_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="VICRegL",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="NonLinearNeck", in_channels=2048, hid_channels=8192, out_channels=8192,
        num_layers=3, with_last_bn=False, with_last_bias=True, norm_cfg=dict(type="BN1d"),
    ),
    in_channels=2048, local_channels=512,
    alpha=0.75, pairs=20,  # share of the global criterion, matched cells of the local one
)
views = dict(type="RandomViews", crops=[dict(number=2, size=224, scale=(0.2, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6), paramwise_cfg=_base_.lars_exclusions
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
