"""SwAV, ResNet-18.

Source: Caron et al., NeurIPS 2020, as mmpretrain has it.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from SwAV's paper: two small views (there six), 64 prototypes, AdamW, weak colour changes, no blur.
Score and time: not measured.

    python -m lvmmed_backbones pretrain swav_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="SwAV",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(
        type="SwAVDirectionNeck", in_channels=512, hid_channels=512, out_channels=128, norm_cfg=dict(type="BN1d")
    ),
    head=dict(
        type="SwAVHead",
        loss=dict(type="SwAVLoss", feat_dim=128, epsilon=0.05, temperature=0.1, num_prototypes=64, num_crops=[2, 2]),
    ),
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
