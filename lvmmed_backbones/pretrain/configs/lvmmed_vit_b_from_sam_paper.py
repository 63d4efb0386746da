"""LVM-Med, ViT-B from the weights of SAM's image encoder.

Source: MH Nguyen et al., NeurIPS 2023, section 4.1 and appendix; the method is section 3.
Size: the paper's: 224 px, 1.3 million images, 3200 a step on 16 GPUs (A100, 80 GB), 100 epochs; here in bfloat16.
Differs from the paper: it does not state the projector, the views, the optimiser and the learning rate. Ours are
those of lvmmed_vit_b_paper, but the learning rate, which is a tenth. The weights are `sam_vit_b` of the catalogue.
Score and time: not measured.
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain lvmmed_vit_b_from_sam_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="sam_vit_b", img_size=224, output="last", weights="sam_vit_b"),
    neck=dict(type="NonLinearNeck", in_channels=768, hid_channels=2048, out_channels=256, norm_cfg=dict(type="BN1d")),
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
train_dataloader = dict(batch_size=200, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=1.5e-4, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=_base_.decay_exclusions,
    clip_grad=dict(max_norm=1.0),
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
