"""Graph matching: the compiled solver, and its layers for gradients (`layers`, `lpmp`; they import torch)."""

from lvmmed_backbones.matching.budget import PRESETS, Budget
from lvmmed_backbones.matching.problem import Problem, gumbel_noise, matched_edges
from lvmmed_backbones.matching.solver import Matching, solve, solve_batch

__all__ = [
    "PRESETS",
    "Budget",
    "Matching",
    "Problem",
    "gumbel_noise",
    "matched_edges",
    "solve",
    "solve_batch",
]
