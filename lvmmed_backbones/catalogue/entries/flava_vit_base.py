"""FLAVA's image encoder, a ViT-B/16 that was trained with texts.

The checksum of the file is not known here, and no revision is pinned: a run's record has the checksum of what was
fetched. Whether it is the file that LVM-Med's paper compares with is not known either.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-B/16",
    method="FLAVA",
    corpus="PMD, 70 million pairs of images and texts",
    data_sets=("PMD-70M",),
    licence="BSD-3-Clause",
    source="Singh et al., CVPR 2022, arXiv 2112.04482",
    mean=(122.7709, 116.7460, 104.0937),  # CLIP's, as its authors normalise
    std=(68.5005, 66.6322, 70.3232),
    config=dict(type="Backbone", model_name="vit_base_patch16_224"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="pytorch_model.bin",
        layout="transformers",
        sha256=None,
        hub="facebook/flava-full",
    ),
)
