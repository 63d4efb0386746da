"""Graph matching: the compiled solver, which needs numpy alone, and layers for gradients, which need torch.

The layers, `MatchingLayer` here and those of `lpmp`, are imported when they are used.
"""

from __future__ import annotations

from typing import Any

from lvmmed_backbones.matching.budget import PRESETS, Budget
from lvmmed_backbones.matching.problem import Problem, gumbel_noise, matched_edges
from lvmmed_backbones.matching.solver import Matching, solve, solve_batch

__all__ = [
    "PRESETS",
    "Budget",
    "Matching",
    "MatchingLayer",
    "Problem",
    "gumbel_noise",
    "matched_edges",
    "solve",
    "solve_batch",
]


def __getattr__(name: str) -> Any:
    if name != "MatchingLayer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lvmmed_backbones.matching.layer import MatchingLayer

    return MatchingLayer
