"""How much of the estimated gradient is noise of the estimate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from benchmarks.studies.evidence.second_order import loaded, problem
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.losses.graph_matching import matching_loss

BATCHES, DRAWS = 4, 6
SAMPLES = (1, 4, 16, 64)
NOISE = (0.03, 0.1, 0.3, 1.0)
SECOND_ORDER = (0, 0.1, 1.0)


def gradients(*, runs: Sequence[Path], corpus: Path) -> list[dict[str, Any]]:
    """How far two draws of the noise agree on the gradient: `python -m benchmarks.studies.evidence gradients`.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs of LVM-Med, of which the newest checkpoint is taken.
    corpus : Path
        Whose images are matched.

    Returns
    -------
    list of dict
        The rows of each run, as of `gradients_of`.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    return [row for run in runs for row in gradients_of(run, corpus)]


def gradients_of(run: Path, corpus: Path) -> list[dict[str, Any]]:
    """A row for each scale of the noise, number of samples and weight of the edge affinities, at lambda 80.

    `agreement` is the mean cosine between the gradients of the encoder's parameters that two draws of the noise give
    for the same batch: 1: no noise of the estimate; c: a share c of its squared length is the expected gradient.

    Parameters
    ----------
    run : Path
        The folder of a run of LVM-Med, of which the newest checkpoint is taken.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    settings = [(0.1, samples, weight) for samples in SAMPLES for weight in SECOND_ORDER]
    settings += [(noise, 16, 0) for noise in NOISE if noise != 0.1]
    found: dict[tuple, list[float]] = {setting: [] for setting in settings}
    model, batches = loaded(newest_checkpoint(run), corpus, BATCHES)
    parameters = list(model.backbone.parameters())
    for data in batches:
        vertex, similar, edges = problem(model, data)
        for noise, samples, weight in settings:
            layer = MatchingLayer(80.0, samples, vertex_noise=noise, edge_noise=noise)
            if weight:
                edge, between = weight * similar, edges
            else:
                edge, between = vertex.new_zeros(0, 0), [e[:0] for e in edges]
            drawn = []
            for seed in range(DRAWS):
                loss, _, _ = matching_loss(layer, vertex, edge, between, seed)
                drawn.append(flat(torch.autograd.grad(loss, parameters, retain_graph=True)))
            found[noise, samples, weight].append(
                mean(float(cosine_similarity(a, b, dim=0)) for a, b in combinations(drawn, 2))
            )
    return [
        dict(run=run.name, noise=noise, samples=samples, second_order=weight)
        | dict(agreement=round(mean(values), 4))
        for (noise, samples, weight), values in found.items()
    ]


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    """All of them as one vector."""
    return torch.cat([gradient.flatten() for gradient in gradients])
