"""LVM-Med's ResNet-50, as its authors released it.

Its pretraining began with weights of ImageNet-1k (the paper's section 4.1), of which the paper tells no more.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.data_sets import of_lvmmed
from lvmmed_backbones.data_sets.published import LVMMED
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ResNet-50",
    method="LVM-Med",
    corpus="LVM-Med, 1.3 million images of 55 data sets",
    data_sets=(*of_lvmmed(), "ImageNet-1k"),
    corpus_id=LVMMED,
    licence="CC BY-NC-ND 2.0",
    source="Nguyen et al., NeurIPS 2023, arXiv 2306.11925",
    config=dict(type="Backbone", model_name="resnet50"),
    channels=(256, 512, 1024, 2048),
    vector_channels=2048,
    weights=Weights(
        file="lvmmed_resnet.torch",
        layout="own",
        sha256=None,
        page="https://drive.google.com/file/d/1p31IGo97g3ng9bOaq3eL8JaljfoCcBx0/view",
    ),
)
