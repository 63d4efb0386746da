"""The architectures: in every registry, with the promised maps and vectors."""

from __future__ import annotations

import mmdet.registry
import mmpretrain.registry
import mmseg.registry
import pytest
import timm
import torch

import lvmmed_backbones.openmmlab
from lvmmed_backbones import catalogue

REGISTRIES = {
    "mmpretrain": mmpretrain.registry.MODELS,
    "mmsegmentation": mmseg.registry.MODELS,
    "mmdetection": mmdet.registry.MODELS,
}
LOCAL = ["random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny", "random_vit_b"]


@pytest.mark.parametrize("name", LOCAL[:3])
@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_registry_builds_every_backbone(registry: str, name: str) -> None:
    model = REGISTRIES[registry].build(catalogue.get(name).model("maps", 64))
    assert type(model) is lvmmed_backbones.Backbone


@pytest.mark.parametrize("name", LOCAL)
def test_maps_have_the_strides_and_channels_of_the_catalogue(name: str) -> None:
    model = lvmmed_backbones.build(name, "maps", image_size=96).eval()
    maps = model(torch.rand(2, 3, 96, 96))
    expected = [
        (2, c, 96 // s, 96 // s)
        for c, s in zip(catalogue.get(name).channels, (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(m.shape) for m in maps] == expected


@pytest.mark.parametrize("name", LOCAL)
def test_the_vector_has_the_length_of_the_catalogue(name: str) -> None:
    model = lvmmed_backbones.build(name, "vector", image_size=64).eval()
    (vector,) = model(torch.rand(2, 3, 64, 64))
    assert vector.shape == (2, catalogue.get(name).vector_channels)


@pytest.mark.parametrize("name", LOCAL[:3])
def test_a_frozen_backbone_does_not_change(name: str) -> None:
    model = lvmmed_backbones.build(name, "vector", image_size=64, frozen=True)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    model(torch.rand(4, 3, 64, 64))  # would move the statistics of BatchNorm
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(p.requires_grad for p in model.parameters())


def test_every_trainable_parameter_gets_a_gradient() -> None:
    model = lvmmed_backbones.build("random_vit_tiny", "maps", image_size=64)
    sum(m.square().mean() for m in model(torch.rand(2, 3, 64, 64))).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_vit_b_is_sams_image_encoder() -> None:
    """SAM's ViT-B has 89.7 million parameters: 0.8 of them in the neck, 3.1 in position embeddings for 1024 pixels."""
    model = lvmmed_backbones.build("random_vit_b", "vector", image_size=1024)
    neck = 768 * 256 + 2 * 256 + 256 * 256 * 9 + 2 * 256
    assert sum(p.numel() for p in model.parameters()) + neck == 89_670_912
    assert [i for i, layer in enumerate(model.network.blocks) if layer.window_size == 0] == [
        2,
        5,
        8,
        11,
    ]


def test_the_embedded_network_is_timms_with_the_files_weights() -> None:
    """Against timm itself, filled in the order of the file, which is the same in both."""
    entry = catalogue.get("imagenet_efficientnet_lite0")
    content = torch.load(entry.weights.path, weights_only=True)
    reference = timm.create_model("efficientnet_lite0").eval()
    names = list(reference.state_dict())
    assert len(names) == len(content)
    reference.load_state_dict(dict(zip(names, content.values(), strict=True)), strict=True)
    images = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        expected = reference.forward_features(images).mean(dim=(2, 3))
        (vector,) = lvmmed_backbones.build("imagenet_efficientnet_lite0", "vector").eval()(images)
    torch.testing.assert_close(vector, expected)


def test_wrong_output_is_named() -> None:
    with pytest.raises(ValueError, match="'maps', 'last' or 'vector'"):
        lvmmed_backbones.Backbone("resnet18", output="map")
