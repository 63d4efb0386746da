"""LVM-Med, ViT-B from scratch: the transformer of SAM's image encoder (MH Nguyen et al., NeurIPS 2023, section 4.1).

224 px, 3200 images a step over 16 GPUs, 100 epochs; AdamW with the usual warm-up, since LARS is for convolutions.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain lvmmed_vit_b_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/lvmmed.py", "_base_/paper.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(_delete_=True, type="Backbone", model_name="sam_vit_b", img_size=224, output="last"),
    neck=dict(in_channels=768),
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="AdamW", lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(
        _delete_=True,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={"pos_embed": dict(decay_mult=0.0), "rel_pos": dict(decay_mult=0.0)},
    ),
    clip_grad=dict(max_norm=1.0),
)
