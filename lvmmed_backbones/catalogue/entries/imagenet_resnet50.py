"""ResNet-50 trained on ImageNet-1k with labels, torchvision's V1 weights: the paper's 'Imagenet' row.

The authors used an older file of torchvision, resnet50-19c8e357.pth.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ResNet-50",
    method="supervised",
    corpus="ImageNet-1k",
    data_sets=("ImageNet-1k",),
    licence="BSD-3-Clause",
    source="torchvision, ResNet50_Weights.IMAGENET1K_V1",
    config=dict(type="Backbone", model_name="resnet50"),
    channels=(256, 512, 1024, 2048),
    vector_channels=2048,
    weights=Weights(
        file="resnet50-0676ba61.pth",
        layout="own",
        sha256="0676ba61",
        url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
    ),
)
