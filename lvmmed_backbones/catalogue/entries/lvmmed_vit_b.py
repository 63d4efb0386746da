"""LVM-Med's ViT-B, as its authors released it: SAM's image encoder, trained further, without absolute positions.

That it began with SAM's weights is in the paper's section 4.1.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.data_sets import of_lvmmed
from lvmmed_backbones.data_sets.published import LVMMED
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    method="LVM-Med",
    corpus="LVM-Med, 1.3 million images of 55 data sets",
    data_sets=of_lvmmed(),
    started_from="sam_vit_b",
    corpus_id=LVMMED,
    licence="CC BY-NC-ND 2.0",
    source="Nguyen et al., NeurIPS 2023, arXiv 2306.11925",
    config=dict(type="Backbone", model_name="sam_vit_b", use_abs_pos=False),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="lvmmed_vit.pth",
        layout="own",
        sha256=None,
        page="https://drive.google.com/file/d/1DOM3uyK8SGE5XRF1L6K6K_BWPfpPePRD/view",
    ),
)
