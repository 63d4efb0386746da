"""MedSAM's image encoder: SAM's ViT-B, trained further on medical images with masks.

The authors scale each image to [0, 1] and do no more; so does this entry. SAM's and LVM-Med's use ImageNet's values.
The file's SHA-256 is not known here.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    method="MedSAM",
    corpus="1.57 million medical images with masks, after SA-1B",
    data_sets=("MedSAM-1.57M",),
    started_from="sam_vit_b",
    licence="Apache-2.0",
    source="Ma et al., Nature Communications 2024, arXiv 2304.12306",
    mean=(0.0, 0.0, 0.0),
    std=(255.0, 255.0, 255.0),
    config=dict(type="Backbone", model_name="sam_vit_b"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="medsam_vit_b.pth",
        layout="own",
        sha256=None,
        url="https://zenodo.org/records/10689643/files/medsam_vit_b.pth",
    ),
)
