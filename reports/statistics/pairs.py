"""All pairs of the backbones of a task at once: their differences, and how these vary with seeds and cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from reports.reading.scores import (
    Scores,
    check_one_task,
    defined_cases,
    patients_of,
    stratified_means,
)
from reports.statistics.bootstrap import Floats, Integers, influence, sum_by_unit
from reports.statistics.intervals import few_units


class Pairs(NamedTuple):
    """P pairs of the K backbones of a task. All arrays are (P,).

    Attributes
    ----------
    a, b : Integers
        Numbers of the two backbones.
    mean_a, mean_b : Floats
        Mean headline of each, over all its cases.
    difference : Floats
        Mean headline of A minus that of B over the cases that both have a score of, in [-1, 1].
    seeds_a, seeds_b : Integers
        Number of seeds.
    cases, left_out : Integers
        Number of cases that both have a score of, and that only one has; 0 if the headline is no mean of cases.
    units : Integers
        Number of independent cases behind `by_case`; 0: they are too few to speak of others.
    by_case, case_freedom : Floats
        Variance of the difference with the cases, and its degrees of freedom.
    by_run, run_freedom : Floats
        Variance of one run's headline with the seed, pooled over the two backbones, and its degrees of freedom, 0 if
        each has one seed.
    """

    a: Integers
    b: Integers
    mean_a: Floats
    mean_b: Floats
    difference: Floats
    seeds_a: Integers
    seeds_b: Integers
    cases: Integers
    left_out: Integers
    units: Integers
    by_case: Floats
    case_freedom: Floats
    by_run: Floats
    run_freedom: Floats


def comparable(
    scores: Sequence[Scores], pairs: Iterable[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Split pairs of a task's backbones, by their places: those to compare, and those without a case in common."""
    cases = [defined_cases(s) for s in scores]
    chosen: list[tuple[int, int]] = []
    apart: list[tuple[int, int]] = []
    for a, b in pairs:
        disjoint = cases[a] and cases[b] and cases[a].isdisjoint(cases[b])
        (apart if disjoint else chosen).append((a, b))
    return chosen, apart


def compare_pairs(
    scores: Sequence[Scores], chosen: Sequence[tuple[int, int]] | None = None
) -> Pairs:
    """Compare pairs of the backbones of one task.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of one task, one per backbone.
    chosen : sequence of (int, int), optional
        Pairs of numbers of backbones; None: all pairs.

    Raises
    ------
    ValueError
        If they are not of one task, protocol and metric, or a pair has cases but none in common.
    """
    shared = _SharedCases(scores)
    numbers = list(combinations(range(len(scores)), 2)) if chosen is None else chosen
    columns = np.array([shared.pair(a, b) for a, b in numbers], float).reshape(len(numbers), -1).T
    a, b = np.array(numbers, int).reshape(-1, 2).T
    seeds = np.array([len(s.seeds) for s in scores])
    mean = np.array([s.headlines.mean() for s in scores])
    difference, cases, left_out, units, by_case, case_freedom, by_run = columns
    return Pairs(
        a=a,
        b=b,
        mean_a=mean[a],
        mean_b=mean[b],
        difference=difference,
        seeds_a=seeds[a],
        seeds_b=seeds[b],
        cases=cases.astype(int),
        left_out=left_out.astype(int),
        units=units.astype(int),
        by_case=by_case,
        case_freedom=case_freedom,
        by_run=by_run,
        run_freedom=(seeds[a] + seeds[b] - 2).astype(float),
    )


def join_pairs(pairs: Sequence[Pairs], how: Callable = np.concatenate) -> Pairs:
    """Join the arrays one behind the other; or on top of each other (`numpy.stack`)."""
    return Pairs._make(map(how, zip(*pairs, strict=True)))


@dataclass(frozen=True)
class _Sample:
    """A backbone on some of its cases.

    Attributes
    ----------
    headlines : Floats
        (S,) headlines over these cases.
    moves : list of Floats
        For each stratum, (U,) how much each independent case moves the mean.
    interaction : list of float
        For each stratum, the variance of the mean with seed and case together.
    """

    headlines: Floats
    moves: list[Floats]
    interaction: list[float]


class _SharedCases:
    """The backbones of a task on the cases that two of them have in common; each set of cases is computed once."""

    def __init__(self, scores: Sequence[Scores]) -> None:
        check_one_task(scores)
        self.scores = scores
        self.names = np.array(sorted(set().union(*(s.cases for s in scores))))
        places = [np.searchsorted(self.names, s.cases) for s in scores]
        size = len(self.names)
        self.values = [np.full((len(s.seeds), size), np.nan) for s in scores]
        self.strata, self.units = np.zeros(size, np.int64), patients_of(self.names.tolist())
        for s, place, values in zip(scores, places, self.values, strict=True):
            values[:, place] = s.values
            self.strata[place] = np.maximum(self.strata[place], s.strata)
        self.defined = [np.isfinite(values).any(0) for values in self.values]
        self.samples: dict[tuple[int, bytes], _Sample] = {}
        self.few: dict[bytes, bool] = {}

    def pair(self, a: int, b: int) -> tuple[float, ...]:
        """The difference, cases, left_out, units, by_case, case_freedom and by_run of a pair."""
        if not (self.scores[a].cases and self.scores[b].cases):
            # The headline of one is no mean of cases.
            headlines = [self.scores[a].headlines, self.scores[b].headlines]
            difference = headlines[0].mean() - headlines[1].mean()
            return difference, 0, 0, 0, 0.0, 1.0, pooled_variance(headlines)
        both = self.defined[a] & self.defined[b]
        if not both.any():
            names = f"{self.scores[a].backbone}, {self.scores[b].backbone}"
            raise ValueError(f"{self.scores[a].task}: {names} have no case in common.")
        left_out = (self.defined[a] ^ self.defined[b]).sum()
        mine, yours = self.sample(a, both), self.sample(b, both)
        by_run = pooled_variance([mine.headlines, yours.headlines])
        difference = mine.headlines.mean() - yours.headlines.mean()
        if self.few[both.tobytes()]:
            return difference, both.sum(), left_out, 0, 0.0, 1.0, by_run
        components = []
        for moves_a, moves_b, *interaction in zip(
            mine.moves, yours.moves, mine.interaction, yours.interaction, strict=True
        ):
            size = len(moves_a)
            variance = (moves_a - moves_b).var(ddof=1) / size
            remaining = max(variance - sum(interaction), 0.0)
            # What is left without the interaction is known less well than the whole.
            freedom = (size - 1) * remaining / variance if variance else size - 1
            components.append((remaining / len(mine.moves) ** 2, max(freedom, 1.0)))
        variances, freedoms = np.array(components).T
        total = variances.sum()
        freedom = total**2 / (variances**2 / freedoms).sum() if total > 0 else freedoms.sum()
        units = sum(len(moves) for moves in mine.moves)
        return difference, both.sum(), left_out, units, total, freedom, by_run

    def sample(self, number: int, mask: np.ndarray) -> _Sample:
        """A backbone on some cases."""
        key = number, mask.tobytes()
        if key not in self.samples:
            strata, units = self.strata[mask], self.units[mask]
            if key[1] not in self.few:
                self.few[key[1]] = bool(few_units(strata, units))
            values = self.values[number][:, mask]
            influences = [
                influence(*sum_by_unit(values[:, inside], units[inside]))
                for inside in (strata == group for group in np.unique(strata))
            ]
            self.samples[key] = _Sample(
                stratified_means(values, strata),
                [moves for moves, _ in influences],
                [variance for _, variance in influences],
            )
        return self.samples[key]


def pooled_variance(headlines: Sequence[Floats]) -> float:
    """Variance of a run's headline with its seed, within each of several backbones; 0 if each has one seed."""
    freedom = sum(len(values) - 1 for values in headlines)
    total = sum(float(((values - values.mean()) ** 2).sum()) for values in headlines)
    return total / freedom if freedom else 0.0
