"""Weights by the names of transformers and of CLIP's own code give what those libraries compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lvmmed_backbones.models import from_config
from lvmmed_backbones.weights.loading import load_strictly

transformers: Any = pytest.importorskip("transformers", reason="pip install '.[hub]'")

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL: dict[str, Any] = dict(
    hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=128
)
OURS = dict(type="Backbone", img_size=32, embed_dim=32, depth=3, num_heads=2, patch_size=8)


def reference(model: str, config: str, **more: object) -> nn.Module:
    """A model of transformers with values that are far from those of its initialisation."""
    torch.manual_seed(0)
    settings = getattr(transformers, config)(**{**SMALL, "image_size": 32, "patch_size": 8, **more})
    network = getattr(transformers, model)(settings).eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.is_floating_point():
            value.normal_(std=0.2)
    return network


def ours(network: nn.Module, folder: Path, layout: str, **config: object) -> nn.Module:
    """Our backbone with the weights of a network, out of the file that transformers writes."""
    network.save_pretrained(folder)  # type: ignore[operator]  # by the names of published files
    model = from_config({**OURS, **config})
    load_strictly(model, str(folder / "model.safetensors"), layout)
    return model.eval()


@pytest.mark.parametrize(
    ("model", "config", "name", "more"),
    [
        ("CLIPVisionModel", "CLIPVisionConfig", "vit_base_patch16_clip_quickgelu_224", {}),
        ("FlavaImageModel", "FlavaImageConfig", "vit_base_patch16_224", {}),
        ("ViTModel", "ViTConfig", "vit_base_patch16_224", {}),
        ("Dinov2Model", "Dinov2Config", "vit_base_patch14_dinov2", dict(layerscale_value=0.5)),
    ],
)
def test_transformers(model: str, config: str, name: str, more: dict, tmp_path: Path) -> None:
    network = reference(model, config, **more)
    loaded = {
        output: ours(network, tmp_path, "transformers", model_name=name, output=output)
        for output in ("vector", "last")
    }
    with torch.no_grad():
        expected = network(IMAGES)
        (vector,), (maps,) = loaded["vector"](IMAGES), loaded["last"](IMAGES)
    tokens = expected.last_hidden_state
    if model == "CLIPVisionModel":  # it normalises the class token alone
        tokens = network.post_layernorm(tokens)
    torch.testing.assert_close(vector, tokens[:, 0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(maps.flatten(2).transpose(1, 2), tokens[:, 1:], rtol=1e-4, atol=1e-4)


def test_clip_by_the_names_of_its_own_code(tmp_path: Path) -> None:
    """The file holds both encoders. The reference has the same values by transformers' names."""
    network = reference("CLIPVisionModel", "CLIPVisionConfig")
    state = network.state_dict()
    renamed = {}
    for name, value in state.items():
        for old, new in (
            ("embeddings.class_embedding", "class_embedding"),
            ("embeddings.position_embedding.weight", "positional_embedding"),
            ("embeddings.patch_embedding", "conv1"),
            ("pre_layrnorm", "ln_pre"),
            ("post_layernorm", "ln_post"),
            ("encoder.layers", "transformer.resblocks"),
            ("layer_norm", "ln_"),
            ("self_attn.out_proj", "attn.out_proj"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
        ):
            name = name.replace(old, new)
        renamed[f"visual.{name}"] = value
    for name in [name for name in renamed if "q_proj" in name]:
        three = [renamed.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        fused = name.replace("self_attn.q_proj.", "attn.in_proj_")
        renamed[fused] = torch.cat(three)
    renamed |= {
        "visual.proj": torch.zeros(32, 16),
        "positional_embedding": torch.zeros(77, 16),
        "transformer.resblocks.0.ln_1.weight": torch.zeros(16),
        "logit_scale": torch.tensor(1.0),
        "input_resolution": torch.tensor(32),
    }
    torch.save(renamed, tmp_path / "w.pth")
    model = from_config(
        dict(OURS, model_name="vit_base_patch16_clip_quickgelu_224", output="vector")
    )
    load_strictly(model, str(tmp_path / "w.pth"))
    with torch.no_grad():
        (vector,) = model.eval()(IMAGES)
        expected = network(IMAGES).pooler_output
    torch.testing.assert_close(vector, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("side", "same"), [(64, True), (96, True), (81, False)])
def test_align(side: int, same: bool, tmp_path: Path) -> None:
    """The whole EfficientNet-B7, since its widths come from its name; odd sides are padded in another way."""
    torch.manual_seed(0)
    network = transformers.AlignVisionModel(transformers.AlignVisionConfig()).eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(std=0.1)
    file = tmp_path / "w.pth"
    torch.save({f"vision_model.{n}": v for n, v in network.state_dict().items()}, file)
    model = from_config(
        dict(type="Backbone", model_name="align_efficientnet_b7", output="vector", img_size=64)
    )
    load_strictly(model, str(file), "align")
    images = torch.randn(1, 3, side, side)
    with torch.no_grad():
        (vector,) = model.eval()(images)
        expected = network(images).pooler_output.flatten(1)
    assert vector.shape == (1, 640)
    close = torch.allclose(vector, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert close == same


def test_patches_of_another_size_are_not_resampled(tmp_path: Path) -> None:
    """timm would make patches of 8 px out of 16: other features, without a word."""
    network = reference("ViTModel", "ViTConfig", patch_size=16)
    with pytest.raises(ValueError, match=r"patch_embed.proj.weight \(32, 3, 16, 16\) instead of"):
        ours(
            network,
            tmp_path,
            "transformers",
            model_name="vit_base_patch16_224",
            output="vector",
        )
