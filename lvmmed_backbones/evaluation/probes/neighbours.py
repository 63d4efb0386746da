"""The k nearest neighbours by cosine, nearest class means from few images, and retrieval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

TEMPERATURE = 0.07  # of the votes (Wu et al., CVPR 2018, section 3.4), as in DINO and DINOv2
SIMILARITIES = 2**26  # that are held at a time: 0.25 GB


def neighbour_votes(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    classes: int,
    neighbours: Sequence[int],
    temperature: float | None = TEMPERATURE,
    leave_one_out: bool = False,
) -> Tensor:
    """Return the share of votes that the nearest training images give to each class.

    Parameters
    ----------
    features : Tensor
        (N, D) of the training images.
    labels : Tensor
        (N,) integers from 0 to C - 1.
    queries : Tensor
        (M, D).
    classes : int
        C.
    neighbours : sequence of int
        K values of k; one that exceeds N counts as N.
    temperature : float, optional
        A neighbour of cosine similarity s has exp(s / temperature) votes; None: one vote each.
    leave_one_out : bool
        The queries are the training images themselves, in their order: none is its own neighbour.

    Returns
    -------
    Tensor
        (K, M, C); each row adds up to 1.
    """
    features, votes_of = normalize(features.float(), dim=1), one_hot(labels, classes).float()
    most = min(max(neighbours), len(features) - leave_one_out)
    parts: list[Tensor] = []
    start = 0
    for similarities in _similarities(queries, features):
        if leave_one_out:
            similarities.diagonal(start).fill_(-torch.inf)
            start += len(similarities)
        nearest, places = similarities.topk(most, dim=1)
        weight = torch.ones_like(nearest)
        if temperature is not None:  # against the nearest one: large numbers overflow
            weight = ((nearest - nearest[:, :1]) / temperature).exp()
        votes = (weight.unsqueeze(2) * votes_of[places]).cumsum(1)
        chosen = votes[:, [min(k, most) - 1 for k in neighbours]]
        parts.append((chosen / chosen.sum(2, keepdim=True)).transpose(0, 1))
    return torch.cat(parts, 1)


def few_shot(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    classes: int,
    shots: Sequence[int],
    draws: int = 100,
    seed: int = 0,
) -> Tensor:
    """Classify by the nearest class mean of a few training images of each class, over many draws.

    Features are centred by the mean of all training images and scaled to length 1 (SimpleShot's CL2N; Wang et al.,
    arXiv:1911.04623, 2019). The images of fewer shots are among those of more.

    Parameters
    ----------
    features, labels, queries, classes
        As in `neighbour_votes`.
    shots : sequence of int
        S numbers of training images of each class.
    draws : int
        R.
    seed : int
        Seed of the draws.

    Returns
    -------
    Tensor
        (S, R, M) predicted labels.

    Raises
    ------
    ValueError
        If a class has fewer training images than the most shots.
    """
    counts = torch.bincount(labels, minlength=classes)
    if int(counts.min()) < max(shots):
        raise ValueError(
            f"class {int(counts.argmin())} has {int(counts.min())} training images: "
            f"{max(shots)} shots need as many of each class"
        )
    center = features.float().mean(0)
    features, queries = (normalize(x.float() - center, dim=1) for x in (features, queries))
    generator = torch.Generator().manual_seed(seed)
    members = [torch.nonzero(labels == c).squeeze(1).cpu() for c in range(classes)]
    predictions = torch.empty(len(shots), draws, len(queries), dtype=torch.long)
    for draw in range(draws):
        chosen = [
            features[images[torch.randperm(len(images), generator=generator)[: max(shots)]]]
            for images in members
        ]
        means = torch.stack([torch.stack([images[:n].mean(0) for images in chosen]) for n in shots])
        # The nearest mean: |q - m|^2 without |q|^2, which is the same for all.
        distance = means.square().sum(2)[:, None] - 2 * queries @ means.mT
        predictions[:, draw] = distance.argmin(2).cpu()
    return predictions


def retrieve(
    features: Tensor, labels: Tensor, queries: Tensor, query_labels: Tensor, ranks: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Rank the training images by cosine similarity to each query; those of its class are to come first.

    Parameters
    ----------
    features, labels, queries
        As in `neighbour_votes`.
    query_labels : Tensor
        (M,).
    ranks : sequence of int
        K numbers of images that are looked at.

    Returns
    -------
    (Tensor, Tensor)
        Average precision of each query over all training images, (M,), NaN if none is of its class; and how many of
        its class are among the first so many, (K, M) integers.
    """
    features = normalize(features.float(), dim=1)
    precision, hits, start = [], [], 0
    for similarities in _similarities(queries, features):
        order = similarities.argsort(dim=1, descending=True, stable=True)
        own = labels[order] == query_labels[start : start + len(order), None]
        start += len(order)
        found = own.cumsum(1)
        place = torch.arange(1, own.shape[1] + 1, device=own.device)
        precision.append((own * found / place).sum(1) / own.sum(1))
        hits.append(found[:, [min(rank, own.shape[1]) - 1 for rank in ranks]].T)
    return torch.cat(precision), torch.cat(hits, 1)


def _similarities(queries: Tensor, features: Tensor) -> Iterator[Tensor]:
    """Cosine similarities of some queries at a time to all features, which have length 1."""
    for part in queries.float().split(max(1, SIMILARITIES // len(features))):
        yield normalize(part, dim=1) @ features.T
