"""Two blocks of SAM's image encoder, narrow, with random weights: box prompts in the mini profile.

The first block has windows of 4 x 4 patches, the second one sees the whole image.
"""

from lvmmed_backbones.catalogue.entry import Entry

ENTRY = Entry(
    architecture="SAM ViT/16 of two blocks",
    data_sets=(),
    source="Kirillov et al., ICCV 2023 (architecture)",
    config=dict(
        type="Backbone",
        model_name="sam_vit_b",
        embed_dim=64,
        depth=2,
        num_heads=2,
        window_size=4,
        global_attn_indexes=(1,),
    ),
    channels=(64, 64, 64, 64),
    vector_channels=64,
)
