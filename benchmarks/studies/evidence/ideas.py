"""Three ideas for a better graph matching, tried by the rules of the study: heads in place of `GraphMatchingHead`."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmengine.registry import MODELS
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from lvmmed_backbones.pretrain.losses.affinities import cosine_affinity
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead


@MODELS.register_module()
class SoftMatchingHead(GraphMatchingHead):
    """A soft matching by entropic fused Gromov-Wasserstein, whose gradient is exact, in place of the solver's estimate.

    The loss is the cross-entropy of the rows of the transport plan with the identity. The structure of a view is the
    cosine distance of all its images in place of the edges to the nearest ones.

    Parameters
    ----------
    channels : int
        Length of the projector's embeddings.
    epsilon : float
        Weight of the entropy.
    structure : float
        Share of the structure beside the vertex affinities, in [0, 1).
    arguments
        Of `GraphMatchingHead`; those of edges, noise and solver do not count.
    """

    def __init__(self, channels: int, epsilon: float, structure: float, **arguments: Any) -> None:
        super().__init__(channels, **arguments)
        self.epsilon = epsilon
        self.structure = structure

    def loss(
        self, maps: tuple[Tensor, Tensor], embeddings: tuple[Tensor, Tensor], views: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss; and `accuracy`, the share of images whose largest share of the plan is their own."""
        pair = self.graphs(maps, embeddings, views)
        inner = [1 - cosine_affinity(z, z) for z in (pair.source, pair.target)]
        plan = log_plan(1 - pair.vertex, inner[0], inner[1], self.structure, self.epsilon)
        right = plan.argmax(2) == torch.arange(plan.shape[2], device=plan.device)
        own = plan.diagonal(dim1=1, dim2=2) + math.log(plan.shape[2])
        return dict(loss=-own.mean(), accuracy=right.float().mean())


def log_plan(
    cost: Tensor,
    source: Tensor,
    target: Tensor,
    structure: float,
    epsilon: float,
    outer: int = 5,
    inner: int = 20,
) -> Tensor:
    """Return the logarithm of the plan of entropic fused Gromov-Wasserstein between uniform measures.

    Parameters
    ----------
    cost : Tensor of shape (G, n, n)
        Of a pair of vertices.
    source, target : Tensor of shape (G, n, n)
        Symmetric distances within each view; a pair of pairs costs the square of their difference.
    structure : float
        Share of these, alpha in [0, 1).
    epsilon : float
        Weight of the entropy.
    outer, inner : int
        Steps of projected gradient descent, and of Sinkhorn's algorithm in each.

    References
    ----------
    Peyre, Cuturi and Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices", ICML 2016, algorithm 1;
    Vayer et al., "Optimal transport for structured data with application on graphs", ICML 2019.
    """
    size = cost.shape[-1]
    plan = cost.new_full(cost.shape, -2 * math.log(size))
    squares = source.square().mean(2)[:, :, None] + target.square().mean(2)[:, None, :]
    for _ in range(outer if structure else 1):
        moved = (1 - structure) * cost
        if structure:
            cross = source @ plan.exp() @ target
            moved = moved + structure * 2 * (squares - 2 * cross)
        plan = -moved / epsilon
        for _ in range(inner):
            plan = plan - plan.logsumexp(1, keepdim=True) - math.log(size)
            plan = plan - plan.logsumexp(2, keepdim=True) - math.log(size)
    return plan


@MODELS.register_module()
class CurriculumHead(GraphMatchingHead):
    """Graph matching whose noise falls from the first step to the last, evenly in its logarithm.

    Parameters
    ----------
    channels : int
        Length of the projector's embeddings.
    first_noise, last_noise : float
        Scales of the noise.
    arguments
        Of `GraphMatchingHead`, whose own noise is not used.
    """

    def __init__(
        self, channels: int, first_noise: float, last_noise: float, **arguments: Any
    ) -> None:
        super().__init__(channels, **(arguments | {"noise": first_noise}))
        self.noises = first_noise, last_noise

    def loss(
        self, maps: tuple[Tensor, Tensor], embeddings: tuple[Tensor, Tensor], views: Tensor
    ) -> dict[str, Tensor]:
        """Compute the loss of `GraphMatchingHead` with the noise of this step."""
        hub = MessageHub.get_current_instance()
        done = hub.get_info("iter", 0) / max(hub.get_info("max_iters", 1), 1)
        first, last = self.noises
        self.matching.vertex_noise = self.matching.edge_noise = first * (last / first) ** done
        return super().loss(maps, embeddings, views)


@MODELS.register_module()
class ContrastAndMatchingHead(GraphMatchingHead):
    """Graph matching with SimCLR's loss of the same embeddings beside it.

    Parameters
    ----------
    channels : int
        Length of the projector's embeddings.
    contrast : float
        Weight of SimCLR's loss.
    temperature : float
        Its temperature.
    arguments
        Of `GraphMatchingHead`.
    """

    def __init__(
        self, channels: int, contrast: float, temperature: float, **arguments: Any
    ) -> None:
        super().__init__(channels, **arguments)
        self.contrast = contrast
        self.temperature = temperature

    def loss(
        self, maps: tuple[Tensor, Tensor], embeddings: tuple[Tensor, Tensor], views: Tensor
    ) -> dict[str, Tensor]:
        """Compute the sum of both losses, and the monitors of `GraphMatchingHead`."""
        found = super().loss(maps, embeddings, views)
        return found | dict(
            loss=found["loss"] + self.contrast * contrastive_loss(*embeddings, self.temperature)
        )


def contrastive_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return NT-Xent of two views (N, F) of N images (Chen et al., ICML 2020, equation 1)."""
    z = normalize(torch.cat((first, second)), dim=1)
    logits = (z @ z.mT / temperature).fill_diagonal_(-math.inf)
    return cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(first)))
