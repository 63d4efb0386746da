"""LVM-Med's ViT-H for LIVECell, as its authors released it.

No released script loads it. We expect the layout of lvmmed_vit.pth; a file with another layout is refused.
It was trained further from LVM-Med's ViT-H, which was not released, and nothing tells what that began with.
"""

from dataclasses import replace

from lvmmed_backbones.catalogue.entries import lvmmed_vit_b
from lvmmed_backbones.data_sets import of_lvmmed
from lvmmed_backbones.weights.source import Weights

ENTRY = replace(
    lvmmed_vit_b.ENTRY,
    architecture="SAM ViT-H/16",
    config=dict(type="Backbone", model_name="sam_vit_h", use_abs_pos=False),
    channels=(1280, 1280, 1280, 1280),
    vector_channels=1280,
    corpus="LVM-Med, and LIVECell; the release tells no more",
    data_sets=(*of_lvmmed(), "LIVECell", "what LVM-Med's ViT-H began with"),
    started_from=None,
    weights=Weights(
        file="lvmmed_vit_h_livecell.pth",
        layout="own",
        sha256=None,
        page="https://drive.google.com/file/d/17kSAYQJZ06Q5WFd2M9ZeJSpx27V1U3cM/view",
    ),
)
