"""Four feature maps from the single map of a plain transformer (ViTDet, Li et al., ECCV 2022, section 3)."""

from __future__ import annotations

from timm.layers import LayerNorm2d
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

STRIDES = (4, 8, 16, 32)


class SimpleFeaturePyramid(nn.Module):
    """Maps at strides 4, 8, 16 and 32 from the last map of a plain transformer, with the same number of channels.

    A map of patches that are not 4, 8, 16 or 32 pixels wide is first resampled to stride 16.

    Parameters
    ----------
    channels : int
        Number of channels C of the transformer's map.
    patch : int
        Pixels between two cells of the map.
    """

    def __init__(self, channels: int, patch: int = 16) -> None:
        super().__init__()
        self.patch = patch
        self.base = patch if patch in STRIDES else 16
        for stride in STRIDES:
            self.add_module(f"stride_{stride}", _scaled(channels, self.base / stride))

    def forward(self, x: Tensor, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """Compute four maps (B, C, h_s, w_s) from one (B, C, h, w), for images of `size` (height, width)."""
        if self.patch != self.base:
            x = _resampled(x, self.patch, self.base, size)
        return tuple(self.get_submodule(f"stride_{stride}")(x) for stride in STRIDES)


def _scaled(channels: int, factor: float) -> nn.Module:
    """Return layers from (B, C, h, w) to (B, C, factor * h, factor * w); the factor is a power of 2."""
    if factor < 1:
        step = round(1 / factor)
        return nn.MaxPool2d(step, step, ceil_mode=True)
    layers: list[nn.Module] = []
    while factor > 1:
        if layers:
            layers += [LayerNorm2d(channels, eps=1e-5), nn.GELU()]
        layers.append(nn.ConvTranspose2d(channels, channels, 2, 2))
        factor /= 2
    if len(layers) == 1:
        return layers[0]
    return nn.Sequential(*layers) if layers else nn.Identity()


def _resampled(x: Tensor, patch: int, stride: int, size: tuple[int, int]) -> Tensor:
    """Resample a map with a cell every `patch` pixels to one every `stride` pixels; each cell keeps its position."""
    height, width = (-(-side // stride) for side in size)
    # The last patches may end before the last cells: repeat them.
    more = [
        max(-(-cells * stride // patch) - there, 0)
        for cells, there in ((width, x.shape[3]), (height, x.shape[2]))
    ]
    x = pad(x, (0, more[0], 0, more[1]), mode="replicate") if any(more) else x
    x = interpolate(x, scale_factor=patch / stride, mode="bilinear", align_corners=False)
    return x[..., :height, :width]
