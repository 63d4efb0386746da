"""CLIP's ViT-B/16 as OpenAI released it, without the projection, in timm's copy of the weights.

OpenAI's own file is a TorchScript archive, which is a program, and is not read. The file's checksum is not known
here, and no revision is pinned: a run's record has the checksum of what was fetched.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ViT-B/16, quick GELU",
    method="CLIP",
    corpus="WIT, 400 million images of the web with texts",
    data_sets=("WIT-400M",),
    licence="MIT",
    source="Radford et al., ICML 2021, arXiv 2103.00020",
    mean=(122.7709, 116.7460, 104.0937),  # CLIP's: 0.48145466, 0.4578275, 0.40821073
    std=(68.5005, 66.6322, 70.3232),  # 0.26862954, 0.26130258, 0.27577711
    config=dict(type="Backbone", model_name="vit_base_patch16_clip_quickgelu_224"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="model.safetensors",
        layout="own",
        sha256=None,
        hub="timm/vit_base_patch16_clip_224.openai",
    ),
)
