"""LVM-Med, ResNet-18.

Source: MH Nguyen et al., NeurIPS 2023, section 3, with all of the method's parts at the paper's weights.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from the paper: 16 samples of a noise of scale 0.1 (there one of scale 1). AdamW has the learning
rate of lvmmed_resnet18_small, where it was searched (docs/evidence.md).
Score: not measured. Time: 1.5 s a step on one core of an AMD EPYC (docs/pretraining.md).

    python -m lvmmed_backbones pretrain lvmmed_resnet18_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="resnet18", output="last"),
    neck=dict(type="NonLinearNeck", in_channels=512, hid_channels=512, out_channels=128, norm_cfg=dict(type="BN1d")),
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
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
