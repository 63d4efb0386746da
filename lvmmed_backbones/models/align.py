"""The image encoder of ALIGN (Jia et al., ICML 2021), as a model of timm.

An EfficientNet-B7 without the last 1 x 1 convolution: its vector is the average of the last 640 maps. timm's
`tf_efficientnet_b7` has the same layers, epsilon (1e-3) and activation before it. Images whose sides are multiples of
32 px give what transformers' AlignVisionModel gives. For others (ALIGN's own 289 px too) the edges differ: timm pads
as TensorFlow does, transformers at the right and bottom alone.
"""

from __future__ import annotations

from typing import Any

from timm.models import generate_default_cfgs, register_model
from timm.models.efficientnet import EfficientNet, tf_efficientnet_b7
from torch import nn

WIDTH = 640

default_cfgs = generate_default_cfgs(
    {
        "align_efficientnet_b7": dict(
            input_size=(3, 288, 288),
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            first_conv="conv_stem",
            classifier="classifier",
        )
    }
)


@register_model
def align_efficientnet_b7(
    pretrained: bool = False, num_classes: int = 1000, **arguments: Any
) -> nn.Module:
    """Build the encoder."""
    network = tf_efficientnet_b7(num_classes=num_classes, **arguments)
    if isinstance(network, EfficientNet):  # an extractor of features has no head
        network.conv_head, network.bn2 = nn.Identity(), nn.Identity()
        network.num_features = network.head_hidden_size = WIDTH
        network.reset_classifier(num_classes)
    return network
