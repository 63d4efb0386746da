"""Vectors of length 1 with gradients that stay finite and bounded for every vector."""

from __future__ import annotations

import torch
from torch import Tensor

# A shorter vector has no direction: rounding makes the difference of two equal embeddings of length 10 about 1e-6.
LEAST = 1e-5


def directions(vectors: Tensor, dim: int = 1) -> Tensor:
    """Return vectors divided by their length; vectors shorter than `LEAST` become 0.

    The gradient is that of x / |x|: 1 / |x| times the part of the incoming gradient that is at right angles to x. So it
    grows at most by 1 / `LEAST`. For vectors shorter than `LEAST` it is 0, where torch's `normalize` multiplies by
    1e12. Lengths whose squares overflow are handled too.

    Parameters
    ----------
    vectors : Tensor
        Vectors in a tensor of any shape.
    dim : int
        Dimension of the vectors.

    Returns
    -------
    Tensor
        Tensor of the same shape.
    """
    scale = vectors.detach().abs().amax(dim, keepdim=True).clamp_min(LEAST)
    scaled = vectors / scale
    length = torch.linalg.vector_norm(scaled, dim=dim, keepdim=True)
    short = length * scale < LEAST
    return torch.where(short, 0, scaled / torch.where(short, 1, length))
