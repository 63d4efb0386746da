"""SAM's ViT-B as LVM-Med's authors probably compared it: the blocks of its file; patches random, no absolute positions.

The only released code that loads SAM for classification keeps `image_encoder.blocks.*` alone
(43760de:model/unet_vit_classification.py:56-66), so that the patch embedding stays random, without a message. Each seed
draws another one. The whole encoder is `sam_vit_b`.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    method="Segment Anything, blocks alone",
    corpus="SA-1B (after MAE on ImageNet-1k)",
    data_sets=("SA-1B", "ImageNet-1k"),
    licence="Apache-2.0",
    source="Kirillov et al., ICCV 2023, arXiv 2304.02643",
    config=dict(type="Backbone", model_name="sam_vit_b", ignore_abs_pos=True),
    channels=(768, 768, 768, 768),
    vector_channels=768,
    weights=Weights(
        file="sam_vit_b_01ec64.pth",
        layout="own",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        url="https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
        only="blocks.",
    ),
)
