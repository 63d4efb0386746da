"""What core/bindings.cpp offers to Python."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.matching.budget import Budget
from lvmmed_backbones.matching.problem import Problem

def solve_all(
    problems: Sequence[Problem], budget: Budget, seeds: Sequence[int], threads: int
) -> list[tuple[NDArray[np.int32], float]]: ...
def shares(
    matchings: NDArray[np.int32],
    samples: int,
    targets: int,
    source_edges: NDArray[np.int32],
    target_edges: NDArray[np.int32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
def gumbel(rows: int, columns: int, seed: int) -> NDArray[np.float32]: ...
def assign(profit: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
def survey(values: NDArray, forbidding: float) -> tuple[float, float, bool, bool]: ...
def first_invalid(values: NDArray, limit: float, forbidding: float) -> int: ...
