"""LVM-Med, ViT-H from random weights: 32 layers of 1280 channels.

Source: MH Nguyen et al., NeurIPS 2023, section 3; the paper has no such run.
Size: that of the paper's other runs: 224 px, 3200 images a step on 16 GPUs, each the sum of 8 batches of 25.
All else is as in lvmmed_vit_b_paper; but a graph has 25 images, not 200.
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain lvmmed_vit_h_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="sam_vit_h", img_size=224, output="last"),
    neck=dict(type="NonLinearNeck", in_channels=1280, hid_channels=2048, out_channels=256, norm_cfg=dict(type="BN1d")),
    head=dict(
        type="GraphMatchingHead", channels=256,
        neighbours=5, message_passing=1,  # the graph: nearest neighbours of each image, layers
        alpha=0.8, pairs=20,  # vertices: share of the global affinity, matched cells of the local one
        edge_weight=1.0,  # weight of the edge affinities
        noise=1.0, samples=1,  # Gumbel noise: scale, draws
        lambda_=80.0, budget="fast",  # gradient and solver
    ),
)
views = dict(type="RandomViews", crops=[dict(number=2, size=224, scale=(0.2, 1.0))], transforms=_base_.distortions)
train_dataloader = dict(batch_size=25, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=_base_.decay_exclusions,
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=8,
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
