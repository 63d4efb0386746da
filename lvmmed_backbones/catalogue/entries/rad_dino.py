"""RAD-DINO: DINOv2's ViT-B/14, trained further on chest X-rays.

Mean and standard deviation are those of its image processor, and so is the size of images. The revision is that of a
published copy of its card; it was not compared with the hub, and the file's checksum is not known here.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-B/14",
    method="RAD-DINO",
    corpus="chest X-rays of MIMIC-CXR, CheXpert, NIH-CXR, PadChest and BRAX, after LVD-142M",
    data_sets=("MIMIC-CXR", "CheXpert", "NIH ChestX-ray14", "PadChest", "BRAX"),
    started_from="dinov2_vit_base",
    licence="MIT",
    source="Pérez-García et al., Nature Machine Intelligence 2025, arXiv 2401.10815",
    mean=(135.3285,) * 3,  # 0.5307
    std=(65.8665,) * 3,  # 0.2583
    image_size=518,
    config=dict(type="Backbone", model_name="vit_base_patch14_dinov2"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="model.safetensors",
        layout="transformers",
        sha256=None,
        hub="microsoft/rad-dino",
        revision="c3736a62544137a0450cc4fa02c9e37e55f28e32",
    ),
)
