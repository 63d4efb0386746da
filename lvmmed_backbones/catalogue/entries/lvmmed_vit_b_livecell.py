"""LVM-Med's ViT-B for LIVECell, as its authors released it.

No released script loads it. We expect the layout of lvmmed_vit.pth; a file with another layout is refused.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    method="LVM-Med",
    corpus="LVM-Med, and LIVECell; the release tells no more",
    licence="CC BY-NC-ND 2.0",
    source="Nguyen et al., NeurIPS 2023, arXiv 2306.11925",
    config=dict(type="Backbone", model_name="sam_vit_b", use_abs_pos=False),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="lvmmed_vit_b_livecell.pth",
        layout="own",
        sha256=None,
        page="https://drive.google.com/file/d/1SxaGXQ4FMbG8pS2zzwTIXXgxF4GdwyEU/view",
    ),
)
