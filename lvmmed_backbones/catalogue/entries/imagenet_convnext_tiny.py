"""ConvNeXt-T trained on ImageNet-1k with labels, in timm's copy of its authors' weights.

The file's checksum is not known here, and no revision is pinned: a run's record has the checksum of what was fetched.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ConvNeXt-T",
    method="supervised",
    corpus="ImageNet-1k",
    data_sets=("ImageNet-1k",),
    licence="Apache-2.0 (timm's copy), MIT (the code of its authors)",
    source="Liu et al., CVPR 2022, arXiv 2201.03545",
    config=dict(type="Backbone", model_name="convnext_tiny"),
    channels=(96, 192, 384, 768),
    vector_channels=768,
    weights=Weights(
        file="model.safetensors",
        layout="own",
        sha256=None,
        hub="timm/convnext_tiny.fb_in1k",
    ),
)
