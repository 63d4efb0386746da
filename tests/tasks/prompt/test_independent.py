"""SAM's ViT-B at 1024 pixels: our encoder with the library's decoder, against segment-anything's own network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

import tasks.registration  # noqa: F401
from tasks.prompt.images import ImageFiles
from tests.tasks.prompt.building import prepared_image, spread

pytestmark = [pytest.mark.slow, pytest.mark.early]
segment_anything = pytest.importorskip("segment_anything")
transform = pytest.importorskip("skimage.transform")


@pytest.mark.parametrize("positions", [True, False], ids=["SAM", "LVM-Med"])
def test_the_whole_pipeline_agrees_with_segment_anything(tmp_path: Path, positions: bool) -> None:
    theirs = segment_anything.sam_model_registry["vit_b"]().eval()
    if not positions:  # as the release builds it for LVM-Med's encoder
        theirs.image_encoder.pos_embed = None
    spread(theirs)
    decoder_file, encoder_file = tmp_path / "sam.pth", tmp_path / "encoder.pth"
    torch.save(theirs.state_dict(), decoder_file)
    weights = {
        name.removeprefix("image_encoder."): value
        for name, value in theirs.state_dict().items()
        if name.startswith("image_encoder.")
    }
    torch.save(weights, encoder_file)
    ours = MODELS.build(
        dict(
            type="PromptedSAM",
            backbone=dict(
                type="Backbone",
                model_name="sam_vit_b",
                output="last",
                img_size=1024,
                neck_chans=256,
                use_abs_pos=positions,
                weights=dict(file=str(encoder_file), layout="own"),
            ),
            sam_decoder=dict(file=str(decoder_file)),
            image_input="stretched_bgr",
        )
    )
    ours.init_weights()
    path = prepared_image(tmp_path, (300, 420))
    box = torch.tensor([[100.0, 200.0, 700.0, 900.0]])

    rgb = ImageFiles("images", [path], ["a"]).pixels(0)
    shape = (1024, 1024, 3)
    resized = transform.resize(rgb[..., ::-1], shape, 0, anti_aliasing=False, preserve_range=True)
    values = resized.astype(np.uint8).astype(np.float64)
    low, high = values.min(), values.max()
    pixels = ((values - low) * 255 / (high - low + 0.01)).astype(np.uint8).astype(np.float32)
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    batch = torch.tensor(((pixels - mean) / std).transpose(2, 0, 1)[None], dtype=torch.float32)
    with torch.no_grad():
        embedding = theirs.image_encoder(batch)
        sparse, dense = theirs.prompt_encoder(points=None, boxes=box[:, None], masks=None)
        expected, _ = theirs.mask_decoder(
            image_embeddings=embedding,
            image_pe=theirs.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        encoder = ours.embeddings.encoder
        exact = encoder.maps(encoder.transform(rgb)[None])
        kept = ours.embeddings.of([str(path)])
        logits = ours.decode(exact, box)
        from_kept = ours.decode(kept, box)
    assert expected.std() > 0.02, "a mask of one value tells nothing"
    torch.testing.assert_close(exact, embedding, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, expected[0], rtol=1e-4, atol=1e-5)
    # The embedding that is kept has 11 bits.
    torch.testing.assert_close(kept, embedding.half().float(), rtol=2**-10, atol=1e-3)
    print(
        f"largest differences: embedding {(exact - embedding).abs().max():.1e}, logits "
        f"{(logits - expected[0]).abs().max():.1e}, with float16 {(from_kept - expected[0]).abs().max():.1e}"
    )
    assert ((from_kept > 0) == (expected[0] > 0)).float().mean() > 0.999
