"""ViT-B/16 of SAM's image encoder with random weights."""

from lvmmed_backbones.catalogue.entry import Entry

ENTRY = Entry(
    architecture="SAM ViT-B/16",
    source="Kirillov et al., ICCV 2023 (architecture)",
    data_sets=(),
    config=dict(type="Backbone", model_name="sam_vit_b"),
    channels=(768, 768, 768, 768),
    vector_channels=768,
)
