"""Files in the layouts of DINO, CLIP, FLAVA and ALIGN are recognised, with the normalisation of their projects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lvmmed_backbones.catalogue.adding import recognise

PUBLISHED = Path(__file__).parents[1] / "weights" / "published"
CLIP = (122.77, 116.75, 104.09)
IMAGENET = (123.675, 116.28, 103.53)


@pytest.mark.parametrize(
    ("name", "model", "layout", "mean", "spots"),
    [
        (
            "dino_vit_b16",
            "vit_base_patch16_224",
            "own",
            IMAGENET,
            {"blocks.11.attn.qkv.weight": "blocks.11.attn.qkv.weight"},
        ),
        (
            "clip_vit_b16_visual",
            "vit_base_patch16_clip_quickgelu_224",
            "own",
            CLIP,
            {"blocks.0.attn.qkv.bias": "visual.transformer.resblocks.0.attn.in_proj_bias"},
        ),
        (
            "clip_vit_b16_huggingface",
            "vit_base_patch16_clip_quickgelu_224",
            "transformers",
            CLIP,
            {"norm_pre.weight": "vision_model.pre_layrnorm.weight"},
        ),
        (
            "flava_image_huggingface",
            "vit_base_patch16_224",
            "transformers",
            CLIP,
            {"norm.bias": "flava.image_model.layernorm.bias"},
        ),
        (
            "align_efficientnet_b7_huggingface",
            "align_efficientnet_b7",
            "align",
            (127.5,) * 3,
            {"blocks.6.3.bn3.bias": "vision_model.encoder.blocks.54.projection.project_bn.bias"},
        ),
    ],
)
def test_a_published_layout(
    name: str, model: str, layout: str, mean: tuple, spots: dict[str, str], tmp_path: Path
) -> None:
    shapes = json.loads((PUBLISHED / f"{name}.json").read_text())["keys"]
    half = torch.float16 if name.startswith("clip") else torch.float32  # as CLIP is published
    content = {
        key: torch.tensor(7) if key.endswith("num_batches_tracked") else torch.full(shape, n / 1000, dtype=half)
        for n, (key, shape) in enumerate(shapes.items())
    }  # fmt: skip
    torch.save(content, tmp_path / "w.pth")
    found = recognise(tmp_path / "w.pth")
    assert (found.config["model_name"], found.network.layout) == (model, layout)
    assert found.mean == pytest.approx(mean, abs=0.01)
    for own, published in spots.items():
        assert torch.equal(found.network.tensors[own], content[published])
    unused = {key.rpartition(".")[0] or key for key in found.network.unused}
    assert unused <= {"visual", "flava.image_model.pooler.dense"}


def test_a_transformer_of_smaller_patches_is_told_apart(tmp_path: Path) -> None:
    import timm

    with torch.device("meta"):
        network = timm.create_model("vit_small_patch8_224", num_classes=0)
    torch.save({n: torch.zeros(v.shape) for n, v in network.state_dict().items()}, tmp_path / "w")
    assert recognise(tmp_path / "w").config["model_name"] == "vit_small_patch8_224"
