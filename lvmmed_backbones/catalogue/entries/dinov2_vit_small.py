"""DINOv2's ViT-S/14, distilled from its ViT-g, in timm's copy of the weights.

The file's checksum is not known here, and no revision is pinned: a run's record has the checksum of what was fetched.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-S/14",
    method="DINOv2",
    corpus="LVD-142M, 142 million images of the web",
    data_sets=("LVD-142M",),
    licence="Apache-2.0",
    source="Oquab et al., TMLR 2024, arXiv 2304.07193",
    config=dict(type="Backbone", model_name="vit_small_patch14_dinov2"),
    channels=(384, 384, 384, 384),
    vector_channels=384,
    weights=Weights(
        file="model.safetensors",
        layout="own",
        sha256=None,
        hub="timm/vit_small_patch14_dinov2.lvd142m",
    ),
)
