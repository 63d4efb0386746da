"""Variances of few seeds, moderated by those of the other tasks: two seeds of one task tell almost nothing.

Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
Stat. Appl. Genet. Mol. Biol. 3(1), 2004: limma's t-test, with tasks for genes.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from reports.statistics.bootstrap import NEGLIGIBLE, Floats

# A task gains at most 0.75 (T - 2) degrees of freedom from the T tasks, for each degree of its own. Smyth's estimate
# has no bound if the tasks look alike, and few tasks often do by chance. docs/statistics.md has the error rates with
# this bound.
GAIN = 0.75


def moderate(variance: Floats, freedom: Floats) -> tuple[Floats, Floats, Floats]:
    """Draw variances towards the usual one of the same row, as far as the row's tasks are alike.

    Parameters
    ----------
    variance, freedom : Floats
        (..., T) variance of each task's runs and its degrees of freedom; 0: the variance is unknown.

    Returns
    -------
    (Floats, Floats, Floats)
        Variances, their degrees of freedom, and how many of these come from the other tasks.
    """
    known = (freedom > 0) & (variance > NEGLIGIBLE)
    tasks = known.sum(-1, keepdims=True)
    safe = np.where(known, freedom, 1.0)
    # log of the variance, without what chance alone adds to it on average
    log = np.log(np.where(known, variance, 1.0)) - special.digamma(safe / 2) + np.log(safe / 2)
    usual = _known_mean(log, known)
    apart = _known_mean((log - usual) ** 2, known) * tasks / np.maximum(tasks - 1, 1)
    beyond_chance = apart - _known_mean(special.polygamma(1, safe / 2), known)
    alike = beyond_chance <= 0
    prior = 2 * inverse_trigamma(np.where(alike, 1.0, beyond_chance))
    center = np.where(
        alike,
        _known_mean(variance, known),
        np.exp(usual + special.digamma(prior / 2) - np.log(prior / 2)),
    )
    prior = np.where(alike, np.inf, prior * (1 - 1 / np.maximum(tasks, 1)))
    prior = np.minimum(prior, GAIN * np.maximum(tasks - 2, 0) * freedom)
    gained = np.where(freedom > 0, prior, 0.0)
    total = np.where(freedom > 0, freedom + gained, 1.0)
    return np.where(freedom > 0, (gained * center + freedom * variance) / total, 0.0), total, gained


def _known_mean(values: Floats, known: np.ndarray) -> Floats:
    """Mean over the known values of each row, (..., 1); 0 if none is known."""
    number = np.maximum(known.sum(-1, keepdims=True), 1)
    return np.where(known, values, 0.0).sum(-1, keepdims=True) / number


def inverse_trigamma(y: Floats) -> Floats:
    """The x > 0 with trigamma(x) = y > 0, by Newton's steps on 1 / trigamma (Smyth 2004, appendix)."""
    x = 0.5 + 1 / y
    for _ in range(20):
        value = special.polygamma(1, x)
        x = x + value * (1 - value / y) / special.polygamma(2, x)
    return x
