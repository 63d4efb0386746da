"""What each backbone scored on each task, case by case: what all statistics start from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord, cases, read_cases
from lvmmed_backbones.records.cases import over_sites, site
from reports.reading.consistency import column_key, condition_of, group_by


@dataclass(frozen=True)
class Scores:
    """What one backbone scored on one task.

    Attributes
    ----------
    backbone, task, protocol, metric : str
        As in the records.
    seeds : tuple of int
        (S,) in ascending order.
    cases : tuple of str
        (C,) names, in ascending order; empty where the headline is no mean of cases (mAP50, kappa).
    strata : ndarray
        (C,) group of each case, 0 to G - 1: the first folder of its name where the headline is the mean over such
        groups (prostate sites); all 0 elsewhere.
    values : ndarray
        (S, C) score of each case by each seed, fractions in [0, 1]; NaN where it is undefined: a mean leaves it out.
    headlines : ndarray
        (S,) headline of each run, fractions in [0, 1].
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
        return patients_of(self.cases)


def patients_of(cases: Sequence[str]) -> NDArray[np.int64]:
    """(C,) number of the patient of each case; see `Scores.units`."""
    names = ["/".join(case.split("/")[:2]) for case in cases]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def read_scores(records: Sequence[StoredRecord]) -> list[Scores]:
    """Scores of each task, protocol and backbone, in order of first appearance; reads the records' cases.

    Parameters
    ----------
    records : sequence of StoredRecord
        Of one condition, that agree with each other (`reports.agreement.agreeing`).

    Raises
    ------
    ValueError
        If they are of several conditions, a record cannot be read again, or its cases are not sound.
    """
    found, problems = read_sound_scores(records)
    if problems:
        raise ValueError("\n".join(problems))
    return found


def read_sound_scores(records: Sequence[StoredRecord]) -> tuple[list[Scores], list[str]]:
    """As `scores`, of the records whose cases are sound; and a sentence for each other one.

    Raises
    ------
    ValueError
        If the records are of several conditions.
    """
    conditions = {condition_of(record) for record in records}
    if len(conditions) > 1:
        raise ValueError(
            f"records of {len(conditions)} conditions ({conditions}). Hand in one at a time."
        )
    found, problems = [], []
    for runs in group_by(records, lambda r: (column_key(r), r.backbone.name)):
        by_run = []
        for run in sorted(runs, key=lambda run: run.seed):
            try:
                by_run.append((run, read_case_scores(run)))
            except ValueError as error:
                problems.append(str(error))
        if by_run:
            found.append(combine_runs(*zip(*by_run, strict=True)))
    return found, problems


def combine_runs(
    runs: Sequence[StoredRecord], by_case: Sequence[tuple[dict[str, float], bool]]
) -> Scores:
    """The scores of the runs of one backbone on one task, in the order of their seeds; of each, `case_scores`."""
    found = [scores for scores, _ in by_case]
    names = tuple(sorted(set().union(*found))) if all(found) else ()
    strata = np.zeros(len(names), np.int64)
    if names and any(sites for _, sites in by_case):
        strata = np.unique([site(name) for name in names], return_inverse=True)[1].astype(np.int64)
    values = [[scores.get(name, math.nan) for name in names] for scores in found]
    return Scores(
        backbone=runs[0].backbone.name,
        task=runs[0].task,
        protocol=runs[0].protocol,
        metric=runs[0].metric,
        seeds=tuple(run.seed for run in runs),
        cases=names,
        strata=strata,
        values=np.array(values).reshape(len(runs), len(names)),
        headlines=np.array([run.value for run in runs]),
    )


def read_case_scores(run: StoredRecord) -> tuple[dict[str, float], bool]:
    """Score of each case in the run's headline metric, NaN where undefined, and whether sites count alike.

    No scores if the headline is no mean of cases.

    Raises
    ------
    ValueError
        Naming the file and what is wrong, if it cannot be read again or its cases are not sound.
    """
    rows = read_cases(run)
    try:
        found = cases.case_scores(rows, run.metric)
        return found, bool(found) and over_sites(found, run.metric, run.value, run.metrics)
    except ValueError as error:
        raise ValueError(plain(f"{run.path}: {error}")) from error


def on_common_cases(several: Sequence[Scores]) -> list[Scores]:
    """The same backbones on the cases that all of them have a score of.

    Headlines are over these cases; where the headline of one is no mean of cases, all are left without cases and keep
    their headlines.

    Parameters
    ----------
    several : sequence of Scores
        Of one task, one per backbone.

    Raises
    ------
    ValueError
        If they differ in task, protocol or metric, or have cases but none in common.
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
    shared = tuple(sorted(set.intersection(*map(defined_cases, several))))
    if not shared:
        who = ", ".join(one.backbone for one in several)
        raise ValueError(f"{several[0].task}: {who} have no case in common.")
    # A record of somebody else may lack its figures by site.
    sited = max(several, key=lambda one: one.strata.max(initial=0))
    strata = sited.strata[np.searchsorted(sited.cases, shared)]
    restricted = [one.values[:, np.searchsorted(one.cases, shared)] for one in several]
    return [
        replace(
            one,
            cases=shared,
            strata=strata,
            values=values,
            headlines=stratified_means(values, strata),
        )
        for one, values in zip(several, restricted, strict=True)
    ]


def defined_cases(scores: Scores) -> set[str]:
    """The cases that some seed has a score of."""
    return {scores.cases[place] for place in np.flatnonzero(np.isfinite(scores.values).any(0))}


def stratified_means(values: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
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


NAMES = {
    "dice": "Dice",
    "iou": "IoU",
    "map50": "mAP50",
    "map": "mAP50:95",
    "accuracy": "accuracy",
    "kappa": "kappa",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "probability": "probability of the true class",
}


def metric_name(metric: str) -> str:
    """What a metric is called: 'Dice' of dice, 'Dice, vessel' of dice/vessel; one that is not known, as it is."""
    base, _, part = metric.partition("/")
    name = NAMES.get(base, base)
    return f"{name}, {part}" if part else name
