"""BiomedCLIP's image encoder, a ViT-B/16, without the projection to the space that images share with texts.

The revision is the one that a public project names; it was not compared with the hub, and the file's checksum is not
known here.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-B/16",
    method="BiomedCLIP",
    corpus="PMC-15M, 15 million figures of PubMed Central with captions",
    data_sets=("PMC-15M",),
    licence="MIT",
    source="Zhang et al., NEJM AI 2025, arXiv 2303.00915",
    mean=(122.7709, 116.7460, 104.0937),  # CLIP's: 0.48145466, 0.4578275, 0.40821073
    std=(68.5005, 66.6322, 70.3232),  # 0.26862954, 0.26130258, 0.27577711
    config=dict(type="Backbone", model_name="vit_base_patch16_224"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="open_clip_pytorch_model.bin",
        layout="own",
        sha256=None,
        hub="microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        revision="9f341de24bfb00180f1b847274256e9b65a3a32e",
    ),
)
