"""Graphs over the images of a batch: random partitions, nearest neighbours, edges that two views share.

Several graphs of n vertices each are one disjoint union: vertex v of graph g has the number g * n + v.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from lvmmed_backbones.pretrain.losses.directions import directions

# Which edges the graphs of two views have: see `shared_edges`.
Shared: TypeAlias = Literal["none", "first", "mutual", "union"]
SHARED = get_args(Shared)


def random_graphs(images: int, size: int, partitions: int = 1) -> Tensor:
    """Cut a batch into graphs by random partitions, drawn from torch's generator.

    Every partition has every image once. What a partition leaves over begins the next one, so only the remainder of the
    last partition is in no graph of it. The authors' script cuts a batch, which is in random order, once (Exgra-Med,
    run_vic.py: `num_image_per_graph`).

    Parameters
    ----------
    images : int
        Number N of images of the batch.
    size : int
        Images n of a graph, at most N.
    partitions : int
        Number of partitions P.

    Returns
    -------
    Tensor of shape (P * N // n, n), int64
        The images of each graph, none twice. Over all graphs each image appears P times, or P - 1 times if it is in the
        last remainder.

    Raises
    ------
    ValueError
        If a graph has more images than the batch.
    """
    if not 1 <= size <= images:
        raise ValueError(f"graphs of {size} images in a batch of {images}: a graph is a part of it")
    stream = torch.empty(0, dtype=torch.long)
    for _ in range(partitions):
        order = torch.randperm(images)
        left = stream[len(stream) // size * size :]
        first = order[~torch.isin(order, left)][: -len(left) % size]  # completes the begun graph
        stream = torch.cat((stream, first, order[~torch.isin(order, first)]))
    return stream[: len(stream) // size * size].view(-1, size)


def knn_edges(embeddings: Tensor, neighbours: int, affinity: str = "cosine") -> Tensor:
    """Return the directed graphs from each vertex to its nearest neighbours.

    Parameters
    ----------
    embeddings : Tensor of shape (N, F) or (G, N, F)
        Of one graph, or of G graphs.
    neighbours : int
        Number of neighbours k.
    affinity : {'cosine', 'softplus'}
        Nearest by cosine similarity (LVM-Med, section 3.1), or by Euclidean distance, where the length of an embedding
        counts (Exgra-Med, build_graph.py).

    Returns
    -------
    Tensor of shape (G * N * k, 2), int64
        Source and target of each edge in the union of the graphs, sorted by source, the nearest first.

    Raises
    ------
    ValueError
        Unless 1 <= k < N.
    """
    vertices = embeddings.shape[-2]
    if not 1 <= neighbours < vertices:
        raise ValueError(
            f"{neighbours} neighbours in a graph of {vertices} images: there must be at least 1, and fewer "
            "than there are images"
        )
    z = embeddings.detach()
    if affinity == "cosine":
        z = directions(z, -1)
        similarity = z @ z.mT
    else:
        similarity = -torch.cdist(z, z)
    similarity.diagonal(dim1=-2, dim2=-1).fill_(-torch.inf)
    nearest = similarity.topk(neighbours, dim=-1).indices.view(-1, vertices, neighbours)
    nearest = nearest + vertices * torch.arange(len(nearest), device=z.device)[:, None, None]
    nearest = nearest.flatten(0, 1)
    sources = torch.arange(len(nearest), device=z.device)[:, None].expand_as(nearest)
    return torch.stack((sources, nearest), dim=-1).flatten(0, 1)


def shared_edges(first: Tensor, second: Tensor, shared: str) -> tuple[Tensor, Tensor]:
    """Return the edges of the graphs of both views.

    Parameters
    ----------
    first, second : Tensor of shape (E_s, 2) and (E_t, 2), int64
        Edges to the nearest neighbours in either view, sorted by source.
    shared : {'none', 'first', 'mutual', 'union'}
        none: each view has its own edges (LVM-Med, section 3.1; Exgra-Med, run_vic.py). first: the second view has
        those of the first (Exgra-Med, llava_pre.py). mutual and union: both views have the edges that both, or that
        either of them has; these two are ours.

    Returns
    -------
    (Tensor, Tensor)
        Edges (E, 2), sorted by source.
    """
    if shared == "none":
        return first, second
    if shared == "first":
        return first, first
    vertices = int(torch.cat((first, second)).amax()) + 1
    codes, others = (edges[:, 0] * vertices + edges[:, 1] for edges in (first, second))
    if shared == "mutual":
        edges = first[torch.isin(codes, others)]
    else:
        edges = torch.cat((first, second[~torch.isin(others, codes)]))
        edges = edges[edges[:, 0].argsort(stable=True)]
    return edges, edges


def split_edges(edges: Tensor, graphs: int, size: int) -> Tensor | list[Tensor]:
    """Return the edges of each graph, with its own numbers of vertices: (G, E, 2), or a list if some have more edges.

    Parameters
    ----------
    edges : Tensor of shape (E, 2), int64
        Edges of the union of the graphs, sorted by source.
    graphs, size : int
        Number of graphs, and vertices of each.
    """
    counts = torch.bincount(edges[:, 0] // size, minlength=graphs).tolist()
    parts = (edges % size).split(counts)
    return torch.stack(parts) if len(set(counts)) == 1 else list(parts)
