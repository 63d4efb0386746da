"""LVM-Med, ResNet-50.

Source: MH Nguyen et al., NeurIPS 2023, section 4.1 and appendix; the method is section 3.
Size: the paper's: 224 px, 1.3 million images, 3200 a step on 16 GPUs (A100, 80 GB), 100 epochs; here in bfloat16.
Differs from the paper: it does not state the projector, the views, the optimiser and the learning rate. The
projector is ours; the rest is SimCLR's, for large batches. docs/pretraining.md compares the authors' later code.
Score: not measured. Time: 0.28 s a step of 200 images on an H200; estimated 3.2 hours on 16 (docs/evidence.md).
On each of two nodes, one of which is HEAD:

    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HEAD:29500 \
        -m lvmmed_backbones pretrain lvmmed_resnet50_paper --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(type="NonLinearNeck", in_channels=2048, hid_channels=2048, out_channels=256, norm_cfg=dict(type="BN1d")),
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
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6), paramwise_cfg=_base_.lars_exclusions
)
train_cfg = dict(max_epochs=100)
param_scheduler = _base_.warm_up_and_cosine  # rises for 10 epochs, then falls to 0
