"""What each backbone scored on each task, case by case: what all statistics start from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from reports.agreement import column, grouped, setting
from reports.records import Record, read_cases
from reports.schema import AGAIN

CLOSE = 1e-6  # a headline and the mean of its cases differ by rounding only


@dataclass(frozen=True)
class Scores:
    """What one backbone scored on one task.

    Attributes:
        backbone, task, protocol, metric: as in the records.
        seeds: (S,) in ascending order.
        cases: (C,) names, in ascending order; empty where the headline is no mean of cases (mAP50, kappa).
        strata: (C,) group of each case, 0 to G - 1: the first folder of its name where the headline is the mean over
            such groups (prostate sites); all 0 elsewhere.
        values: (S, C) score of each case by each seed, fractions in [0, 1]; NaN where it is undefined: a mean leaves it
            out.
        headlines: (S,) headline of each run, fractions in [0, 1].
    """

    backbone: str
    task: str
    protocol: str
    metric: str
    seeds: tuple[int, ...]
    cases: tuple[str, ...]
    strata: NDArray[np.int64]
    values: NDArray[np.float64]
    headlines: NDArray[np.float64]

    @property
    def units(self) -> NDArray[np.int64]:
        """(C,) number of the patient of each case: slices of one patient (SITE/PATIENT/SLICE) are not independent.

        A case whose name has fewer parts is a patient by itself.
        """
        names = ["/".join(case.split("/")[:2]) for case in self.cases]
        return np.unique(names, return_inverse=True)[1].astype(np.int64)


def scores(records: Sequence[Record]) -> list[Scores]:
    """Scores of each task, protocol and backbone, in order of first appearance; reads the records' cases.

    Args:
        records: of one setting, that agree with each other (`reports.agreement.agreeing`).

    Raises:
        ValueError: if they are of several settings, a record cannot be read again, or its cases are not sound.
    """
    found, problems = sound_scores(records)
    if problems:
        raise ValueError("\n".join(problems))
    return found


def sound_scores(records: Sequence[Record]) -> tuple[list[Scores], list[str]]:
    """As `scores`, of the records whose cases are sound; and a sentence for each other one.

    Raises:
        ValueError: if the records are of several settings.
    """
    settings = {setting(record) for record in records}
    if len(settings) > 1:
        raise ValueError(
            f"records of {len(settings)} settings ({settings}). Hand in one at a time."
        )
    found, problems = [], []
    for runs in grouped(records, lambda r: (column(r), r.backbone)):
        by_run = []
        for run in sorted(runs, key=lambda run: run.seed):
            try:
                by_run.append((run, case_scores(run)))
            except ValueError as error:
                problems.append(str(error))
        if by_run:
            found.append(scored(*zip(*by_run, strict=True)))
    return found, problems


def with_sound_cases(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """The records whose cases are sound, and a sentence for each other one."""
    found, problems = [], []
    for record in records:
        try:
            case_scores(record)
            found.append(record)
        except ValueError as error:
            problems.append(str(error))
    return found, problems


def scored(runs: Sequence[Record], by_case: Sequence[dict[str, float]]) -> Scores:
    """The scores of the runs of one backbone on one task, in the order of their seeds."""
    cases = tuple(sorted(set().union(*by_case)))
    values = np.array([[found.get(case, math.nan) for case in cases] for found in by_case])
    headlines = np.array([run.value for run in runs])
    strata = grouping(cases, values, headlines, runs[0]) if cases else None
    if strata is None:
        cases, strata, values = (), np.zeros(0, np.int64), np.zeros((len(runs), 0))
    return Scores(
        backbone=runs[0].backbone,
        task=runs[0].task,
        protocol=runs[0].protocol,
        metric=runs[0].metric,
        seeds=tuple(run.seed for run in runs),
        cases=cases,
        strata=strata,
        values=values,
        headlines=headlines,
    )


def case_scores(run: Record) -> dict[str, float]:
    """Score of each case in the run's headline metric, NaN where undefined; empty if its cases lack the metric.

    Raises:
        ValueError: naming the file and the case, if a case comes twice or its score is no fraction; naming the file,
            if it cannot be read again.
    """
    found: dict[str, float] = {}
    for row in read_cases(run):
        if run.metric not in row:
            continue
        case, score = row["case"], row[run.metric]
        if case in found:
            raise ValueError(
                f"{plain(run.path)}: case {case} comes twice. Restore the file, or {AGAIN}."
            )
        found[case] = math.nan if score is None else float(score)
        if not (math.isnan(found[case]) or 0 <= found[case] <= 1):
            raise ValueError(
                f"{plain(run.path)}: case {case} has {run.metric} {score}, not a fraction in [0, 1]. "
                f"Restore the file, or {AGAIN}."
            )
    return found


def grouping(
    cases: Sequence[str],
    values: NDArray[np.float64],
    headlines: NDArray[np.float64],
    run: Record,
) -> NDArray[np.int64] | None:
    """The strata, (C,), over whose means each seed's headline is the mean; None if it is no mean of cases.

    Sites are tried first where a run reports its metric per site (`dice/BMC`): with as many cases in each, the plain
    mean gives the same figure.
    """
    one = np.zeros(len(cases), np.int64)
    folders, sites = np.unique([case.split("/")[0] for case in cases], return_inverse=True)
    per_site = all(f"{run.metric}/{folder}" in run.metrics for folder in folders)
    for strata in (sites, one) if per_site else (one, sites):
        if np.allclose(means(values, strata), headlines, rtol=0, atol=CLOSE):
            return strata.astype(np.int64)
    return None


def common(several: Sequence[Scores]) -> list[Scores]:
    """The same backbones on the cases that all of them have a score of.

    Headlines are over these cases; where the headline of one is no mean of cases, all are left without cases and keep
    their headlines.

    Args:
        several: of one task, one per backbone.

    Raises:
        ValueError: if they differ in task, protocol or metric, or have cases but none in common.
    """
    columns = {(one.task, one.protocol, one.metric) for one in several}
    if len(columns) > 1:
        raise ValueError(f"scores of {len(columns)} tasks ({columns}). Hand in one at a time.")
    if not all(one.cases for one in several):
        nothing = np.zeros(0, np.int64)
        return [
            replace(one, cases=(), strata=nothing, values=np.zeros((len(one.seeds), 0)))
            for one in several
        ]
    cases = tuple(sorted(set.intersection(*map(defined_cases, several))))
    if not cases:
        who = ", ".join(one.backbone for one in several)
        raise ValueError(f"{several[0].task}: {who} have no case in common.")
    # Some may be known by their sites only, where all sites are of one size: see `grouping`.
    sited = max(several, key=lambda one: one.strata.max(initial=0))
    strata = sited.strata[np.searchsorted(sited.cases, cases)]
    restricted = [one.values[:, np.searchsorted(one.cases, cases)] for one in several]
    return [
        replace(one, cases=cases, strata=strata, values=values, headlines=means(values, strata))
        for one, values in zip(several, restricted, strict=True)
    ]


def defined_cases(scores: Scores) -> set[str]:
    """The cases that some seed has a score of."""
    return {scores.cases[place] for place in np.flatnonzero(np.isfinite(scores.values).any(0))}


def means(values: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over strata of the mean over each one's cases: (..., C) scores and (C,) strata to (...).

    NaN leaves a mean; a stratum of NaN alone leaves the mean over strata; NaN if nothing is left.
    """
    members = strata == np.arange(strata.max(initial=-1) + 1)[:, None]  # (G, C)
    defined = np.isfinite(values)
    counts = defined @ members.T.astype(float)  # (..., G)
    sums = np.where(defined, values, 0.0) @ members.T
    per_stratum = np.divide(sums, counts, out=np.zeros_like(counts), where=counts > 0)
    present = (counts > 0).sum(-1)
    total = per_stratum.sum(-1)
    return np.divide(total, present, out=np.full(np.shape(total), np.nan), where=present > 0)
