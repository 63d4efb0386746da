"""Graph matching: a compiled solver, which needs only numpy, and layers with gradients, which need torch.

The layers, `MatchingLayer` and those of `lpmp`, are imported when they are first used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use
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


__getattr__, __dir__ = on_first_use(__name__, {"MatchingLayer": "layer"})
