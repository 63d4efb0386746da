"""ALIGN's image encoder, an EfficientNet-B7 that was trained with texts, as Kakao Brain trained it on COYO.

Google's own weights, on 1.8 billion images, were never published. The checksum of the file is not known here, and no
revision is pinned: a run's record has the checksum of what was fetched. Whether it is the file that LVM-Med's paper
compares with is not known either. The hub's page states no licence that we know of: read it first.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="EfficientNet-B7",
    method="ALIGN",
    corpus="COYO-700M, 700 million images of the web with texts",
    data_sets=("COYO-700M",),
    licence="unknown",
    source="Jia et al., ICML 2021, arXiv 2102.05918",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    config=dict(type="Backbone", model_name="align_efficientnet_b7"),
    channels=(48, 80, 224, 640),
    vector_channels=640,
    weights=Weights(
        file="pytorch_model.bin",
        layout="align",
        sha256=None,
        hub="kakaobrain/align-base",
    ),
)
