"""LVM-Med, a ViT a quarter as wide as ViT-B, as 2 cores can bear it.

Edge affinities at a tenth of their weight and no message passing, which learn at a rate of 1e-3, as the paper's weights
do not (docs/evidence.md).

    python -m lvmmed_backbones pretrain lvmmed_vit_tiny_mini --corpus CORPUS
"""

_base_ = ["_base_/lvmmed.py", "_base_/mini.py", "_base_/runtime.py"]

model = dict(
    backbone=dict(
        _delete_=True,
        type="Backbone",
        model_name="sam_vit_b",
        embed_dim=192,
        num_heads=3,
        window_size=4,
        img_size=64,
        output="last",
    ),
    neck=dict(in_channels=192, hid_channels=512, out_channels=128),
    head=dict(channels=128, message_passing=0, second_order=0.1, noise=0.1, samples=16),
)
