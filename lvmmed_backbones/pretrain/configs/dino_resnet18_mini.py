"""DINO, ResNet-18.

Source: Caron et al., ICCV 2021.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from DINO's paper: two small views, 1024 prototypes, AdamW, weak colour changes, no blur. The teacher's momentum
is always 0.996 (there it rises to 1).
Score and time: not measured.

    python -m lvmmed_backbones pretrain dino_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="DINO",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(type="DINOHead", in_channels=512, hid_channels=512, bottleneck=128, prototypes=1024),
    momentum=0.004,  # of the student in the teacher
    student_temperature=0.1, first_temperature=0.04, teacher_temperature=0.07,
    warm_up=100,  # steps
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
