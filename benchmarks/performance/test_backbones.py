"""Speed of the backbones: images per second, forward and backward, on the GPU if there is one."""

from __future__ import annotations

import pytest
import torch

import lvmmed_backbones

BATCH, SIZE = 4, 128
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize(
    "name", ["random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny", "random_vit_b"]
)
@pytest.mark.parametrize("direction", ["forward", "forward and backward"])
def test_backbone(benchmark, name: str, direction: str) -> None:
    model = lvmmed_backbones.build(name, output="vector", image_size=SIZE).to(DEVICE)
    images = torch.rand(BATCH, 3, SIZE, SIZE, device=DEVICE)

    def forward() -> None:
        with torch.no_grad():
            model(images)
        synchronise()

    def backward() -> None:
        model.zero_grad()
        model(images)[0].square().mean().backward()
        synchronise()

    benchmark.group = f"{direction}, {BATCH} images of {SIZE} px"
    benchmark.pedantic(forward if direction == "forward" else backward, rounds=5, warmup_rounds=1)
    benchmark.extra_info["images_per_second"] = BATCH / benchmark.stats.stats.median


def synchronise() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
