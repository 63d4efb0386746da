"""The image encoder of Segment Anything, ViT-H; the largest that its authors released."""

from dataclasses import replace

from lvmmed_backbones.catalogue.entries import sam_vit_b
from lvmmed_backbones.weights.source import Weights

ENTRY = replace(
    sam_vit_b.ENTRY,
    architecture="SAM ViT-H/16",
    config=dict(type="Backbone", model_name="sam_vit_h"),
    channels=(1280, 1280, 1280, 1280),
    vector_channels=1280,
    weights=Weights(
        file="sam_vit_h_4b8939.pth",
        layout="own",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        url="https://dl.fbaipublicfiles.com/segment_anything/sam_vit_h_4b8939.pth",
    ),
)
