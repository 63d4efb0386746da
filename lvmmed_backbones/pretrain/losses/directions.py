"""Vectors of length 1, with gradients that stay finite and bounded wherever the vectors lie."""

from __future__ import annotations

import torch
from torch import Tensor

# What is shorter has no direction. The difference of two equal embeddings is 0 but for rounding, which is about 1e-6 of
# embeddings of length 10.
LEAST = 1e-5


def directions(vectors: Tensor, dim: int = 1) -> Tensor:
    """Vectors divided by their length; those shorter than `LEAST` are 0.

    The gradient is that of x / |x|, which is 1 / |x| times the part of what comes from above that is at right angles to
    x: so it is never more than 1 / `LEAST` times it. Of vectors that are shorter than `LEAST` it is 0, where torch's
    own `normalize` multiplies by 1e12. Lengths whose squares a float cannot hold do not matter.

    Parameters
    ----------
    vectors : Tensor
        Of any shape.
    dim : int
        Along which a vector lies.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    scale = vectors.detach().abs().amax(dim, keepdim=True).clamp_min(LEAST)
    scaled = vectors / scale
    length = torch.linalg.vector_norm(scaled, dim=dim, keepdim=True)
    short = length * scale < LEAST
    return torch.where(short, 0, scaled / torch.where(short, 1, length))
