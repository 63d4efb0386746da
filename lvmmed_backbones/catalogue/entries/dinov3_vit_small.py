"""DINOv3's ViT-S/16, distilled from its ViT-7B, in timm's copy of the weights.

Meta's own repository, facebook/dinov3-vits16-pretrain-lvd1689m, asks for an agreement first. The licence is the same.
The revision is the one that two public projects name; it was not compared with the hub, and the file's checksum is
not known here.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-S/16, rotary positions",
    method="DINOv3",
    corpus="LVD-1689M, 1,689 million images of the web",
    data_sets=("LVD-1689M",),
    licence="DINOv3 License",
    source="Siméoni et al., 2025, arXiv 2508.10104",
    config=dict(type="Backbone", model_name="vit_small_patch16_dinov3"),
    channels=(384, 384, 384, 384),
    vector_channels=384,
    weights=Weights(
        file="model.safetensors",
        layout="own",
        sha256=None,
        hub="timm/vit_small_patch16_dinov3.lvd1689m",
        revision="3bf4720a82ec2066db88137180ff1f83a675cef0",
    ),
)
