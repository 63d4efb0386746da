"""The encoder in bfloat16: near to float32, and nothing else changes its type."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from mmengine.registry import MODELS

import lvmmed_backbones  # noqa: F401
from lvmmed_backbones.pretrain.hooks import BFloat16EncoderHook

RESNET = dict(
    type="Backbone",
    model_name="scaled_resnet",
    depth=18,
    stem_channels=8,
    base_channels=8,
    output="last",
)


def converted(encoder: torch.nn.Module) -> torch.nn.Module:
    """The encoder after the hook."""
    model = torch.nn.Module()
    model.backbone = encoder
    BFloat16EncoderHook().before_train(SimpleNamespace(model=model))
    return encoder


def test_maps_are_float32_and_near_to_what_they_were() -> None:
    torch.manual_seed(0)
    encoder = MODELS.build(RESNET)
    images = torch.randn(4, 3, 64, 64)
    before = encoder(images)[0]
    (after,) = converted(encoder)(images)
    assert after.dtype == torch.float32
    error = (after - before).norm() / before.norm()
    assert 0 < error < 0.1  # 8 bits of mantissa, through 17 layers


def test_weights_and_their_gradients_stay_float32_and_are_stored_channels_last() -> None:
    encoder = converted(MODELS.build(RESNET))
    encoder(torch.randn(4, 3, 64, 64))[0].square().sum().backward()
    for parameter in encoder.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
    weight = encoder.network.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
