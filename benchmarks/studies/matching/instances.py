"""Graph matching problems with known or best known objectives.

- `pretraining`: problems as LVM-Med's pretraining solves them, at four levels of hardness, with the best objectives
  that any solver found in long runs (data/best_known.csv; not proven optimal).
- `qaplib`: 15 instances of QAPLIB (Burkard, Karisch & Rendl 1997) with proven optima.
- `opengm1`: a sparse problem of the comparison of Haller et al. (ECCV 2022), with its proven optimum.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.matching import Problem

DATA = Path(__file__).parent / "data"

# Noise of the target embeddings relative to their length, and scales of Gumbel noise on vertex and edge affinities.
LEVELS = {
    "easy": (1.0, 0.0, 0.0),
    "medium": (4.0, 0.0, 0.0),
    "hard": (2.0, 0.3, 0.0),
    "very hard": (2.0, 0.3, 0.3),
}
# The random numbers depend on the order that the levels had when the instances were first drawn.
_LEVEL_NUMBER = {"easy": 0, "hard": 1, "medium": 2, "very hard": 3}


@dataclass(frozen=True)
class Instance:
    """Affinities and k-nearest-neighbour graphs of the embeddings of two views; ``truth`` is the planted matching."""

    vertex: NDArray[np.float64]
    source_edges: NDArray[np.int32]
    target_edges: NDArray[np.int32]
    edge: NDArray[np.float64]
    source_features: NDArray[np.float64]
    target_features: NDArray[np.float64]
    truth: NDArray[np.int64]

    def problem(self) -> Problem:
        """Return the problem with its table of edge affinities."""
        return Problem(self.vertex, self.source_edges, self.target_edges, self.edge)

    def problem_by_features(self) -> Problem:
        """Return the problem with edge features in place of the table."""
        return Problem(
            self.vertex,
            self.source_edges,
            self.target_edges,
            source_features=self.source_features,
            target_features=self.target_features,
        )


def pretraining(
    n: int, k: int = 5, level: str = "medium", seed: int = 0, dense: bool = True
) -> Instance:
    """Draw a batch of n images in two views, embedded in 128 dimensions with clusters of 8.

    ``dense=False`` leaves the edge affinities out, which take (n k)^2 numbers, and with them the level's edge noise.
    """
    sigma, vertex_noise, edge_noise = LEVELS[level]
    width, cluster = 128, 8
    rng = np.random.default_rng([seed, n, k, _LEVEL_NUMBER[level]])
    clusters = max(1, n // cluster)
    centres = rng.standard_normal((clusters, width))
    source = centres[rng.integers(0, clusters, n)] + rng.standard_normal((n, width))
    source /= np.linalg.norm(source, axis=1, keepdims=True)
    moved = source + sigma * rng.standard_normal((n, width)) / np.sqrt(width)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    truth = rng.permutation(n)
    target = np.empty_like(moved)
    target[truth] = moved
    source_edges, target_edges = nearest_neighbours(source, k), nearest_neighbours(target, k)
    vertex = source @ target.T
    source_features = _directions(source, source_edges)
    target_features = _directions(target, target_edges)
    edge = source_features @ target_features.T if dense else np.zeros((0, 0))
    if vertex_noise:
        vertex = vertex + vertex_noise * rng.gumbel(size=vertex.shape)
    if edge_noise and dense:
        edge = edge + edge_noise * rng.gumbel(size=edge.shape)
    return Instance(
        vertex, source_edges, target_edges, edge, source_features, target_features, truth
    )


def nearest_neighbours(embedding: NDArray, k: int) -> NDArray[np.int32]:
    """Return directed edges from every row to the k rows of largest product: (N k, 2)."""
    similarity = embedding @ embedding.T
    np.fill_diagonal(similarity, -np.inf)
    neighbours = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    sources = np.repeat(np.arange(len(embedding)), k)
    return np.stack([sources, neighbours.reshape(-1)], axis=1).astype(np.int32)


def _directions(embedding: NDArray, edges: NDArray) -> NDArray:
    """Return unit vectors along the edges (E, D); their products are the cosines of LVM-Med's edge affinity."""
    difference = embedding[edges[:, 0]] - embedding[edges[:, 1]]
    return difference / np.maximum(np.linalg.norm(difference, axis=1, keepdims=True), 1e-8)


@cache
def best_known() -> dict[tuple[int, int, str, int], float]:
    """Return the best objective of any solver in long runs, by (n, k, level, seed)."""
    with (DATA / "best_known.csv").open() as file:
        return {
            (int(row["N"]), int(row["k"]), row["level"], int(row["seed"])): float(row["objective"])
            for row in csv.DictReader(file)
        }


@cache
def optima() -> dict[str, dict[str, float]]:
    """Return proven optima, as costs: {"qaplib": {name: cost}, "dd": {"opengm1": cost}}."""
    return json.loads((DATA / "optima.json").read_text())


def qaplib(name: str) -> Problem:
    """Return an instance of QAPLIB: minimise sum_ij flow[i, j] distance[p(i), p(j)].

    Affinities are products of one feature, with the sign turned.
    """
    numbers = np.array((DATA / "qaplib" / f"{name}.dat").read_text().split(), dtype=float)
    n = int(numbers[0])
    flow, distance = numbers[1:].reshape(2, n, n)

    def edges(matrix: NDArray) -> NDArray:
        return np.argwhere((matrix != 0) & ~np.eye(n, dtype=bool))

    source, target = edges(flow), edges(distance)
    return Problem(
        vertex=-np.outer(np.diag(flow), np.diag(distance)),
        source_edges=source,
        target_edges=target,
        source_features=flow[tuple(source.T)][:, None],
        target_features=-distance[tuple(target.T)][:, None],
    )


def opengm1() -> Problem:
    """Return the problem of a dd file: minimise costs of assignments (lines a) and of pairs of assignments (lines e).

    A left vertex may stay unmatched at no cost: it then takes a target of its own that no other vertex may take.
    """
    with gzip.open(DATA / "opengm1.dd.gz", "rt") as file:
        lines = [line.split() for line in file]
    left, right = int(lines[0][1]), int(lines[0][2])
    vertex = np.full((left, right + left), -np.inf)
    vertex[np.arange(left), right + np.arange(left)] = 0
    assignments: dict[str, tuple[int, int]] = {}
    source: dict[tuple[int, int], int] = {}
    target: dict[tuple[int, int], int] = {}
    entries = []
    for kind, first, second, *rest in lines[1:]:
        if kind == "a":
            i, a = int(second), int(rest[0])
            assignments[first] = (i, a)
            vertex[i, a] = -float(rest[1])
        elif kind == "e":
            (i, a), (j, b) = sorted((assignments[first], assignments[second]))
            e = source.setdefault((i, j), len(source))
            f = target.setdefault((a, b), len(target))
            entries.append((e, f, -float(rest[0])))
    edge = np.zeros((len(source), len(target)))
    for e, f, affinity in entries:
        edge[e, f] += affinity
    return Problem(vertex, np.array(list(source)), np.array(list(target)), edge)
