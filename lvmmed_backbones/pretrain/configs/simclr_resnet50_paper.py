"""SimCLR, ResNet-50, at the size of LVM-Med's run.

Source: Chen et al., ICML 2020, as mmpretrain has it.
Size: that of LVM-Med's run (MH Nguyen et al., NeurIPS 2023, section 4.1): 1.3 million images, 3200 a step on 16 GPUs,
100 epochs, bfloat16.
Differs from SimCLR's paper: weaker colour changes, crops of at least 20 % of the image's area (there 8 %), and 3200
images a step (there 4096), with the learning rate that the paper's rule gives: 0.3 for each 256 images.
Score: not measured. Time: 0.20 s a step of 200 images on an H200 (docs/evidence.md).
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain simclr_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="SimCLR",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(type="DirectionNeck", in_channels=2048, hid_channels=2048, out_channels=128, norm_cfg=dict(type="BN1d")),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.1),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=224, scale=(0.2, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6), paramwise_cfg=_base_.lars_exclusions
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
