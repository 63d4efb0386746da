"""Barlow Twins, ResNet-18 of half the width.

Source: Zbontar et al., ICML 2021, as mmpretrain has it.
Size: real images on a few cores: 64 px, 64 images a step, 10 epochs, an encoder of half the width in bfloat16.
Differs from Barlow Twins' paper: a projector of 512, AdamW, weak colour changes without hue, no blur. The learning rate
was searched (docs/evidence.md).
Score and time of `--epochs 3` (909 steps), three seeds, one core of an AMD EPYC (docs/evidence.md): on brain_tumor's
valid images 76.8 ± 1.0 % by nearest neighbours and 78.6 ± 1.2 % by a linear classifier (untrained: 64.2 and 66.5 %);
0.35 s a step, which makes 5 minutes.

    python -m lvmmed_backbones pretrain barlowtwins_resnet18_small --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="BarlowTwins",
    backbone=dict(
        type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32, output="last"
    ),
    neck=dict(
        type="NonLinearNeck", in_channels=256, hid_channels=512, out_channels=512,
        num_layers=3, with_last_bn=False, with_last_bn_affine=False, norm_cfg=dict(type="BN1d"),
    ),
    head=dict(type="LatentCrossCorrelationHead", in_channels=512, loss=dict(type="CrossCorrelationLoss")),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, end=10, convert_to_iter_based=True)]
custom_hooks = [*_base_.custom_hooks, dict(type="BFloat16EncoderHook")]  # for CPUs
