"""ResNet-18 of half the width with random weights, for comparison with the small backbones that are pretrained here."""

from lvmmed_backbones.catalogue.entry import Entry

ENTRY = Entry(
    architecture="ResNet-18, width 0.5",
    source="He et al., ICCV 2015 (initialisation)",
    data_sets=(),
    config=dict(
        type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=32, base_channels=32
    ),
    channels=(32, 64, 128, 256),
    vector_channels=256,
)
