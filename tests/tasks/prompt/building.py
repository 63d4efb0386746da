"""What tests of box prompts share: small images and networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

MINI = dict(
    type="Backbone",
    model_name="sam_vit_b",
    output="last",
    img_size=64,
    neck_chans=256,
    embed_dim=32,
    depth=2,
    num_heads=2,
    window_size=2,
    global_attn_indexes=(1,),
)


def spread(module: nn.Module, seed: int = 0) -> None:
    """Give every parameter and buffer values that are neither 0 nor alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        noise = torch.randn(value.shape, generator=generator)
        if value.ndim < 2:
            value.copy_((1.0 if "norm" in name and name.endswith("weight") else 0.0) + 0.1 * noise)
        else:
            value.copy_(noise / max(1, value[0].numel()) ** 0.5)


def prepared_image(
    folder: Path, size: tuple[int, int], name: str = "a", seed: int = 0, mask: Any = None
) -> Path:
    """Write a soft image, and a mask if it is given, as prepared data sets have them; return the image's path."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    path = folder / "images" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))
    if mask is not None:
        target = folder / "masks" / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), np.asarray(mask, np.uint8))
    return path
