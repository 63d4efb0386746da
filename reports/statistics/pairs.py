"""All pairs of the backbones of a task at once: how far apart they are, and how that varies with seeds and cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np

from reports.reading.scores import Scores, check_one_task, patients_of, stratified_means
from reports.statistics.bootstrap import Floats, Integers, influence, sum_by_unit
from reports.statistics.intervals import few_units


@dataclass(frozen=True)
class Pairs:
    """P pairs of the K backbones of a task. All arrays are (P,).

    Attributes
    ----------
    a, b : Integers
        Numbers of the two backbones.
    mean_a, mean_b : Floats
        Mean headline of each, over all of its cases.
    difference : Floats
        Mean headline of A minus that of B over the cases that both have a score of, in [-1, 1].
    seeds_a, seeds_b : Integers
        How many.
    cases, left_out : Integers
        How many cases both have a score of, and how many only one has; 0 where the headline is no mean of cases.
    units : Integers
        How many independent cases `by_case` speaks of; 0: they are too few to speak of others.
    by_case : Floats
        Variance of the difference with the cases, and `case_freedom`, its degrees of freedom.
    by_run : Floats
        Variance of one run's headline with the seed, pooled over the two backbones, and `run_freedom`, its degrees of
        freedom: 0 where each has one seed.
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


def compare_pairs(
    scores: Sequence[Scores], chosen: Sequence[tuple[int, int]] | None = None
) -> Pairs:
    """The pairs of the backbones of one task.

    Parameters
    ----------
    scores : sequence of Scores
        Of one task, one per backbone.
    chosen : sequence of (int, int), optional
        The pairs, by the numbers of their backbones; None: all of them.

    Raises
    ------
    ValueError
        If they are not of one task, protocol and metric, or a pair has cases but none in common.
    """
    shared = SharedCases(scores)
    both = list(combinations(range(len(scores)), 2)) if chosen is None else chosen
    columns = np.array([shared.pair(a, b) for a, b in both], float).reshape(len(both), -1).T
    a, b = np.array(both, int).reshape(-1, 2).T
    seeds = np.array([len(one.seeds) for one in scores])
    mean = np.array([one.headlines.mean() for one in scores])
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


def join_pairs(several: Sequence[Pairs], how: Callable = np.concatenate) -> Pairs:
    """The arrays of several, one behind the other; or on top of each other (`numpy.stack`)."""
    return Pairs(*(how([getattr(one, f.name) for one in several]) for f in fields(Pairs)))


@dataclass(frozen=True)
class Sample:
    """A backbone on some of its cases.

    Attributes
    ----------
    headlines : Floats
        (S,) over these cases.
    moves : list of Floats
        (U,) by how much each independent case moves their mean, in each of the strata.
    interaction : list of float
        Variance of their mean with seed and case together, in each of the strata.
    """

    headlines: Floats
    moves: list[Floats]
    interaction: list[float]


class SharedCases:
    """The backbones of a task on the cases that two of them have, each set of cases looked at once."""

    def __init__(self, scores: Sequence[Scores]) -> None:
        check_one_task(scores)
        self.scores = scores
        self.names = np.array(sorted(set().union(*(one.cases for one in scores))))
        places = [np.searchsorted(self.names, one.cases) for one in scores]
        size = len(self.names)
        self.values = [np.full((len(one.seeds), size), np.nan) for one in scores]
        self.strata, self.units = np.zeros(size, np.int64), patients_of(self.names.tolist())
        for one, place, values in zip(scores, places, self.values, strict=True):
            values[:, place] = one.values
            self.strata[place] = np.maximum(self.strata[place], one.strata)
        self.there = [np.isfinite(values).any(0) for values in self.values]
        self.samples: dict[tuple[int, bytes], Sample] = {}
        self.few: dict[bytes, bool] = {}

    def pair(self, a: int, b: int) -> tuple[float, ...]:
        """difference, cases, left_out, units, by_case, case_freedom and by_run of a pair."""
        if not (self.scores[a].cases and self.scores[b].cases):
            return self.without_cases(a, b)
        both = self.there[a] & self.there[b]
        if not both.any():
            who = f"{self.scores[a].backbone}, {self.scores[b].backbone}"
            raise ValueError(f"{self.scores[a].task}: {who} have no case in common.")
        left_out = (self.there[a] ^ self.there[b]).sum()
        one, other = self.sample(a, both), self.sample(b, both)
        by_run = pooled_variance([one.headlines, other.headlines])
        difference = one.headlines.mean() - other.headlines.mean()
        if self.few[both.tobytes()]:
            return difference, both.sum(), left_out, 0, 0.0, 1.0, by_run
        parts = []
        for mine, yours, *interaction in zip(
            one.moves, other.moves, one.interaction, other.interaction, strict=True
        ):
            size = len(mine)
            variance = (mine - yours).var(ddof=1) / size
            left = max(variance - sum(interaction), 0.0)
            # What is left after the interaction is taken out is known less well than what it is left of.
            freedom = (size - 1) * left / variance if variance else size - 1
            parts.append((left / len(one.moves) ** 2, max(freedom, 1.0)))
        variances, freedoms = np.array(parts).T
        total = variances.sum()
        freedom = total**2 / (variances**2 / freedoms).sum() if total > 0 else freedoms.sum()
        units = sum(len(moves) for moves in one.moves)
        return difference, both.sum(), left_out, units, total, freedom, by_run

    def without_cases(self, a: int, b: int) -> tuple[float, ...]:
        """As `pair`, where the headline of one is no mean of cases."""
        headlines = [self.scores[a].headlines, self.scores[b].headlines]
        difference = headlines[0].mean() - headlines[1].mean()
        return difference, 0, 0, 0, 0.0, 1.0, pooled_variance(headlines)

    def sample(self, number: int, mask: np.ndarray) -> Sample:
        """A backbone on some cases."""
        key = number, mask.tobytes()
        if key not in self.samples:
            strata, units = self.strata[mask], self.units[mask]
            if key[1] not in self.few:
                self.few[key[1]] = bool(few_units(strata, units))
            values = self.values[number][:, mask]
            found = [
                influence(*sum_by_unit(values[:, inside], units[inside]))
                for inside in (strata == group for group in np.unique(strata))
            ]
            self.samples[key] = Sample(
                stratified_means(values, strata),
                [moves for moves, _ in found],
                [v for _, v in found],
            )
        return self.samples[key]


def pooled_variance(headlines: Sequence[Floats]) -> float:
    """Variance of a run's headline with its seed, within each of several backbones; 0 if each has one seed."""
    freedom = sum(len(some) - 1 for some in headlines)
    total = sum(float(((some - some.mean()) ** 2).sum()) for some in headlines)
    return total / freedom if freedom else 0.0
