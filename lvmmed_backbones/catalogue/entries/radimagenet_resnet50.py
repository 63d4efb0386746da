"""ResNet-50 trained with the labels of RadImageNet, the authors' PyTorch weights.

They come in a zip archive: ResNet50.pt goes to the place that the message names, as radimagenet_resnet50.pt. Images are
scaled to [-1, 1], as in the authors' examples. The file's checksum was never published.
"""

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.source import Weights

ENTRY = Entry(
    architecture="ResNet-50",
    method="supervised",
    corpus="RadImageNet, 1.35 million CT, MRI and ultrasound images",
    data_sets=("RadImageNet",),
    licence="not stated by its authors",
    source="Mei et al., Radiology: Artificial Intelligence 2022, doi 10.1148/ryai.210315",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    config=dict(type="Backbone", model_name="resnet50"),
    channels=(256, 512, 1024, 2048),
    vector_channels=2048,
    weights=Weights(
        file="radimagenet_resnet50.pt",
        layout="torchvision_sequential",
        sha256=None,
        page="https://drive.google.com/file/d/1RHt2GnuOYlc_gcoTETtBDSW73mFyRAtR/view",
    ),
)
