"""The image encoder of Segment Anything, ViT-B; the training of LVM-Med's ViT-B began with it."""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    method="Segment Anything",
    corpus="SA-1B (after MAE on ImageNet-1k)",
    data_sets=("SA-1B", "ImageNet-1k"),
    licence="Apache-2.0",
    source="Kirillov et al., ICCV 2023, arXiv 2304.02643",
    config=dict(type="Backbone", model_name="sam_vit_b"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="sam_vit_b_01ec64.pth",
        layout="own",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        url="https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
    ),
)
