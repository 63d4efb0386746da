"""MoCo v2, ResNet-18.

Source: Chen et al., arXiv 2003.04297, as mmpretrain has it.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from MoCo's paper: AdamW, a queue of 1024 keys, weak colour changes without hue, no blur.
Score and time: not measured.

    python -m lvmmed_backbones pretrain mocov2_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="MoCo",
    queue_len=1024, feat_dim=128,
    momentum=0.01,  # the average of 100 steps, not of 1000: the run has a few hundred
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(type="MoCoV2DirectionNeck", in_channels=512, hid_channels=512, out_channels=128),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.2),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
