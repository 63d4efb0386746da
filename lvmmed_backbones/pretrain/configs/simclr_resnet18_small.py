"""SimCLR, ResNet-18 of half the width.

Source: Chen et al., ICML 2020, as mmpretrain has it.
Size: real images on a few cores: 64 px, 64 images a step, 10 epochs, an encoder of half the width in bfloat16.
Differs from SimCLR's paper: AdamW, weak colour changes without hue, no blur. The learning rate was searched
(docs/evidence.md).
Score and time of `--epochs 3` (909 steps), three seeds, one core of an AMD EPYC (docs/evidence.md): on brain_tumor's
valid images 81.2 ± 2.2 % by nearest neighbours and 81.5 ± 1.0 % by a linear classifier (untrained: 64.2 and 66.5 %);
0.30 s a step, which makes 5 minutes.

    python -m lvmmed_backbones pretrain simclr_resnet18_small --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="SimCLR",
    backbone=dict(
        type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32, output="last"
    ),
    neck=dict(type="DirectionNeck", in_channels=256, hid_channels=512, out_channels=128, norm_cfg=dict(type="BN1d")),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.1),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, end=10, convert_to_iter_based=True)]
custom_hooks = [*_base_.custom_hooks, dict(type="BFloat16EncoderHook")]  # for CPUs
