"""A transformer like ViT-B with a quarter of its width, for tests and the mini profile on small machines.

Its windows have 4 x 4 patches, since SAM's 14 x 14 would be mostly padding on small images.
"""

from lvmmed_backbones.catalogue.entry import Entry

ENTRY = Entry(
    architecture="SAM ViT-Ti/16",
    source="Kirillov et al., ICCV 2023 (architecture)",
    data_sets=(),
    config=dict(type="Backbone", model_name="sam_vit_b", embed_dim=192, num_heads=3, window_size=4),
    channels=(192, 192, 192, 192),
    vector_channels=192,
)
