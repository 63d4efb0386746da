"""ResNet-50 with random weights: every pretraining must be better."""

from lvmmed_backbones.catalogue.entry import Entry

ENTRY = Entry(
    architecture="ResNet-50",
    source="He et al., ICCV 2015 (initialisation)",
    data_sets=(),
    config=dict(type="Backbone", model_name="resnet50"),
    channels=(256, 512, 1024, 2048),
    vector_channels=2048,
)
