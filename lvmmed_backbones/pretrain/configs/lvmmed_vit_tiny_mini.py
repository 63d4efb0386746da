"""LVM-Med, a transformer like SAM's ViT-B at a quarter of the width.

Source: MH Nguyen et al., NeurIPS 2023, section 3.
Size: for tests and phantoms on 2 cores: 64 px, 64 images a step, 10 epochs.
Differs from the paper: edge affinities have a tenth of their weight, and there is no message passing. At a learning
rate of 1e-3 this learns, and the paper's weights do not (docs/evidence.md). 16 samples of a noise of scale 0.1.
Score and time: not measured.

    python -m lvmmed_backbones pretrain lvmmed_vit_tiny_mini --corpus CORPUS
"""

_base_ = "_base_/runtime.py"

model = dict(
    type="LVMMed",
    backbone=dict(
        type="Backbone", model_name="sam_vit_b", embed_dim=192, num_heads=3, window_size=4, img_size=64, output="last"
    ),
    neck=dict(type="NonLinearNeck", in_channels=192, hid_channels=512, out_channels=128, norm_cfg=dict(type="BN1d")),
    head=dict(
        type="GraphMatchingHead", channels=128,
        neighbours=5, message_passing=0,  # the graph: nearest neighbours of each image, layers
        alpha=0.8, pairs=20,  # vertices: share of the global affinity, matched cells of the local one
        edge_weight=0.1,  # weight of the edge affinities
        noise=0.1, samples=16,  # Gumbel noise: scale, draws
        lambda_=80.0, budget="fast",  # gradient and solver
    ),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01))
train_cfg = dict(max_epochs=10)
param_scheduler = _base_.warm_up_and_cosine  # rises for 1 epoch, then falls to 0
