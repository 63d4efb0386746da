"""VICRegL, ResNet-18.

Source: Bardes et al., NeurIPS 2022.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from VICRegL's paper: a projector of 512, AdamW, weak colour changes, no blur.
Score and time: not measured.

    python -m lvmmed_backbones pretrain vicregl_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="VICRegL",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(
        type="NonLinearNeck", in_channels=512, hid_channels=512, out_channels=512,
        num_layers=3, with_last_bn=False, with_last_bias=True, norm_cfg=dict(type="BN1d"),
    ),
    in_channels=512, local_channels=128,
    alpha=0.75, pairs=20,  # share of the global criterion, matched cells of the local one
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
