"""DINOv3's ViT-B/16, distilled from its ViT-7B, in timm's copy of the weights.

Meta's own repository, facebook/dinov3-vitb16-pretrain-lvd1689m, asks for an agreement first. The licence is the same.
The file's checksum is not known here, and no revision is pinned: a run's record has the checksum of what was fetched.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-B/16, rotary positions",
    method="DINOv3",
    corpus="LVD-1689M, 1,689 million images of the web",
    data_sets=("LVD-1689M",),
    licence="DINOv3 License",
    source="Siméoni et al., 2025, arXiv 2508.10104",
    config=dict(type="Backbone", model_name="vit_base_patch16_dinov3"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="model.safetensors",
        layout="own",
        sha256=None,
        hub="timm/vit_base_patch16_dinov3.lvd1689m",
    ),
)
