"""DINO, ResNet-50, at the size of LVM-Med's run.

Source: Caron et al., ICCV 2021, with its values for ResNet-50.
Size: that of LVM-Med's run (MH Nguyen et al., NeurIPS 2023, section 4.1): 1.3 million images, 3200 a step on 16 GPUs,
100 epochs, bfloat16.
Differs from DINO's paper: optimiser and colours are those of simclr_resnet50_paper, six small views. The teacher's
momentum is always 0.996 (there it rises to 1).
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain dino_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="DINO",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(type="DINOHead", in_channels=2048, hid_channels=2048, bottleneck=256, prototypes=60000),
    momentum=0.004,  # of the student in the teacher
    student_temperature=0.1, first_temperature=0.04, teacher_temperature=0.07,
    warm_up=20000,  # steps: 50 of the 100 epochs
)
views = dict(
    type="RandomViews",
    crops=[dict(number=2, size=224, scale=(0.14, 1.0)), dict(number=6, size=96, scale=(0.05, 0.14))],
    transforms=_base_.distortions,
)
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6), paramwise_cfg=_base_.lars_exclusions
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
