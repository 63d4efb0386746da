"""LVM-Med's ViT-B for LIVECell, as its authors released it.

No released script loads it. We expect the layout of lvmmed_vit.pth; a file with another layout is refused.
"""

from dataclasses import replace

from lvmmed_backbones.catalogue.entries import lvmmed_vit_b
from lvmmed_backbones.weights.source import Weights

ENTRY = replace(
    lvmmed_vit_b.ENTRY,
    corpus="LVM-Med, and LIVECell; the release tells no more",
    data_sets=("LIVECell",),
    started_from="lvmmed_vit_b",
    weights=Weights(
        file="lvmmed_vit_b_livecell.pth",
        layout="own",
        sha256=None,
        page="https://drive.google.com/file/d/1SxaGXQ4FMbG8pS2zzwTIXXgxF4GdwyEU/view",
    ),
)
