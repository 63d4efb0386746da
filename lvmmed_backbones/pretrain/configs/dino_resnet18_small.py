"""DINO, ResNet-18 of half the width.

Source: Caron et al., ICCV 2021.
Size: real images on a few cores: 64 px, 64 images a step, 10 epochs, an encoder of half the width in bfloat16.
Differs from DINO's paper: no small views, 1024 prototypes, AdamW, weak colour changes without hue, no blur. The
teacher's momentum is always 0.996 (there it rises to 1).
Score and time of 252 steps with the best values of a search (rate 0.0024, momentum 0.001, temperature 0.042), three
seeds, one core of an Intel Xeon (docs/evidence.md): 56.2 % over seven data sets (untrained: 47.9 %); 0.45 s a step.

    python -m lvmmed_backbones pretrain dino_resnet18_small --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="DINO",
    backbone=dict(
        type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32, output="last"
    ),
    neck=dict(type="DINOHead", in_channels=256, hid_channels=512, bottleneck=128, prototypes=1024),
    momentum=0.004,  # of the student in the teacher
    student_temperature=0.1, first_temperature=0.04, teacher_temperature=0.04,
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, end=10, convert_to_iter_based=True)]
custom_hooks = [*_base_.custom_hooks, dict(type="BFloat16EncoderHook")]  # for CPUs
