"""MoCo v2, ResNet-50, at the size of LVM-Med's run.

Source: Chen et al., arXiv 2003.04297, as mmpretrain has it, with its SGD.
Size: that of LVM-Med's run (MH Nguyen et al., NeurIPS 2023, section 4.1): 1.3 million images, 3200 a step on 16 GPUs,
100 epochs, bfloat16.
Differs from MoCo's paper: 3200 images a step (there 256) with a rate that grows in proportion, a warm-up, and a
queue of 64,000 keys, which is a multiple of 3200 (there 65,536).
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain mocov2_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="MoCo",
    queue_len=64000, feat_dim=128,
    momentum=0.001,
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(type="MoCoV2DirectionNeck", in_channels=2048, hid_channels=2048, out_channels=128),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.2),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=224, scale=(0.2, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.375, momentum=0.9, weight_decay=1e-4), paramwise_cfg=dict())
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
