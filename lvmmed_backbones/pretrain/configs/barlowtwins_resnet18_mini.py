"""Barlow Twins, ResNet-18.

Source: Zbontar et al., ICML 2021, as mmpretrain has it.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from Barlow Twins' paper: a projector of 512, AdamW with the learning rate of the small config, weak colour
changes, no blur.
Score and time: not measured.

    python -m lvmmed_backbones pretrain barlowtwins_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="BarlowTwins",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(
        type="NonLinearNeck", in_channels=512, hid_channels=512, out_channels=512,
        num_layers=3, with_last_bn=False, with_last_bn_affine=False, norm_cfg=dict(type="BN1d"),
    ),
    head=dict(type="LatentCrossCorrelationHead", in_channels=512, loss=dict(type="CrossCorrelationLoss")),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
