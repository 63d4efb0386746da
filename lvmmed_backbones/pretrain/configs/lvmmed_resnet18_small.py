"""LVM-Med, ResNet-18 of half the width.

Source: MH Nguyen et al., NeurIPS 2023, section 3, with all of the method's parts at the paper's weights.
Size: real images on a few cores: 64 px, 64 images a step, 10 epochs, an encoder of half the width in bfloat16.
Differs from the paper: 16 samples of a noise of scale 0.1 (there one of scale 1). The learning rate was searched; it is
higher than that of its peers (docs/evidence.md).
Score and time of `--epochs 3` (909 steps), three seeds, one core of an AMD EPYC (docs/evidence.md): on brain_tumor's
valid images 80.9 ± 3.0 % by nearest neighbours and 81.2 ± 0.6 % by a linear classifier (untrained: 64.2 and 66.5 %);
0.33 s a step, which makes 5 minutes.

    python -m lvmmed_backbones pretrain lvmmed_resnet18_small --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="LVMMed",
    backbone=dict(
        type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32, output="last"
    ),
    neck=dict(type="NonLinearNeck", in_channels=256, hid_channels=512, out_channels=128, norm_cfg=dict(type="BN1d")),
    head=dict(
        type="GraphMatchingHead", channels=128,
        neighbours=5, message_passing=1,  # the graph: nearest neighbours of each image, layers
        alpha=0.8, pairs=20,  # vertices: share of the global affinity, matched cells of the local one
        edge_weight=1.0,  # weight of the edge affinities
        noise=0.1, samples=16,  # Gumbel noise: scale, draws
        lambda_=80.0, budget="fast",  # gradient and solver
    ),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-2, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, end=10, convert_to_iter_based=True)]
custom_hooks = [*_base_.custom_hooks, dict(type="BFloat16EncoderHook")]  # for CPUs
