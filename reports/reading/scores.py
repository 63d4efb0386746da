"""The score of each backbone on each task, case by case: what all statistics start from."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord, cases, read_cases
from lvmmed_backbones.records.cases import over_sites, site
from reports.reading.consistency import column_key, condition_of, group_by


@dataclass(frozen=True)
class Scores:
    """The scores of one backbone on one task.

    Attributes
    ----------
    backbone, task, protocol, metric : str
        As in the records.
    seeds : tuple of int
        (S,) in ascending order.
    cases : tuple of str
        (C,) names in ascending order; empty where the headline is no mean of cases (mAP50, kappa).
    strata : ndarray
        (C,) group of each case, 0 to G - 1: the first folder of its name where the headline is the mean over such
        groups (prostate sites); all 0 elsewhere.
    values : ndarray
        (S, C) score of each case by each seed, fractions in [0, 1]; NaN where it is undefined: means leave it out.
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
    def patients(self) -> NDArray[np.int64]:
        """(C,) number of the patient of each case; see `patients_of`."""
        return patients_of(self.cases)


def task_label(task: str, protocol: str) -> str:
    """A task and its protocol, if it has one, in texts."""
    return f"{task} ({protocol})" if protocol else task


def patients_of(cases: Sequence[str]) -> NDArray[np.int64]:
    """(C,) number of the patient of each case: slices of one patient (SITE/PATIENT/SLICE) are not independent.

    A case whose name has fewer parts is a patient by itself.
    """
    names = ["/".join(case.split("/")[:2]) for case in cases]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def read_scores(records: Sequence[StoredRecord]) -> list[Scores]:
    """Read the scores of each task, protocol and backbone, in order of first appearance, from the records' cases.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records of one condition that `reports.reading.consistency.consistent_records` let through.

    Raises
    ------
    ValueError
        If they are of several conditions, a record cannot be read again, or its cases are not sound.
    """
    scores, problems = read_sound_scores(records)
    if problems:
        raise ValueError("\n".join(problems))
    return scores


def read_sound_scores(records: Sequence[StoredRecord]) -> tuple[list[Scores], list[str]]:
    """As `read_scores`, of the records whose cases are sound; and a sentence for each other record.

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
    scores, problems = [], []
    for runs in group_by(records, lambda r: (column_key(r), r.backbone.name)):
        by_run = []
        for run in sorted(runs, key=lambda run: run.seed):
            try:
                by_run.append((run, *_read_case_scores(run)))
            except ValueError as error:
                problems.append(str(error))
        if by_run:
            scores.append(_combine_runs(*zip(*by_run, strict=True)))
    return scores, problems


def _combine_runs(
    runs: Sequence[StoredRecord], by_case: Sequence[dict[str, float]], by_site: Sequence[bool]
) -> Scores:
    """The scores of the runs of one backbone on one task, in the order of their seeds; see `_read_case_scores`."""
    first = runs[0]
    return combine_runs(
        (first.backbone.name, first.task, first.protocol, first.metric),
        [run.seed for run in runs],
        [run.value for run in runs],
        by_case,
        any(by_site),
    )


def combine_runs(
    names: tuple[str, str, str, str],
    seeds: Sequence[int],
    headlines: Sequence[float],
    by_case: Sequence[dict[str, float]],
    by_site: bool,
) -> Scores:
    """The scores of S runs of one backbone on one task.

    Parameters
    ----------
    names : tuple of str
        Backbone, task, protocol and metric.
    seeds : sequence of int
        (S,) in ascending order.
    headlines : sequence of float
        (S,) fractions.
    by_case : sequence of dict of str to float
        (S,) the score of each case; if a run has none, no run's cases are used.
    by_site : bool
        Whether the headline is the mean over sites (the first folder of a case's name).
    """
    backbone, task, protocol, metric = names
    cases = tuple(sorted(set().union(*by_case))) if all(by_case) else ()
    strata = np.zeros(len(cases), np.int64)
    if cases and by_site:
        strata = np.unique([site(case) for case in cases], return_inverse=True)[1].astype(np.int64)
    values = [[of_run.get(case, math.nan) for case in cases] for of_run in by_case]
    return Scores(
        backbone=backbone,
        task=task,
        protocol=protocol,
        metric=metric,
        seeds=tuple(seeds),
        cases=cases,
        strata=strata,
        values=np.array(values).reshape(len(seeds), len(cases)),
        headlines=np.array(headlines),
    )


def _read_case_scores(run: StoredRecord) -> tuple[dict[str, float], bool]:
    """The score of each case in the run's headline metric, NaN where undefined, and whether sites count alike.

    There are no scores if the headline is no mean of cases.

    Raises
    ------
    ValueError
        If the record cannot be read again or its cases are not sound; the message names the file and what is wrong.
    """
    rows = read_cases(run)
    try:
        scores = cases.case_scores(rows, run.metric)
        return scores, bool(scores) and over_sites(scores, run.metric, run.value, run.metrics)
    except ValueError as error:
        raise ValueError(plain(f"{run.path}: {error}")) from error


def check_one_task(scores: Sequence[Scores]) -> None:
    """Raise ValueError if scores differ in task, protocol or metric."""
    columns = {(s.task, s.protocol, s.metric) for s in scores}
    if len(columns) > 1:
        raise ValueError(f"scores of {len(columns)} tasks ({columns}). Hand in one at a time.")


def on_common_cases(scores: Sequence[Scores]) -> list[Scores]:
    """The same backbones on the cases that all of them have a score of.

    Their headlines are over these cases. If the headline of one is no mean of cases, all are left without cases and
    keep their headlines.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of one task, one per backbone.

    Raises
    ------
    ValueError
        If they differ in task, protocol or metric, or have cases but none in common.
    """
    check_one_task(scores)
    if not all(s.cases for s in scores):
        none = np.zeros(0, np.int64)
        return [
            replace(s, cases=(), strata=none, values=np.zeros((len(s.seeds), 0))) for s in scores
        ]
    shared = tuple(sorted(set.intersection(*map(defined_cases, scores))))
    if not shared:
        names = ", ".join(s.backbone for s in scores)
        raise ValueError(f"{scores[0].task}: {names} have no case in common.")
    # A record of somebody else may lack its figures by site.
    with_sites = max(scores, key=lambda s: s.strata.max(initial=0))
    strata = with_sites.strata[np.searchsorted(with_sites.cases, shared)]
    restricted = [s.values[:, np.searchsorted(s.cases, shared)] for s in scores]
    return [
        replace(s, cases=shared, strata=strata, values=v, headlines=stratified_means(v, strata))
        for s, v in zip(scores, restricted, strict=True)
    ]


def without_cases(scores: Scores, names: Collection[str]) -> Scores | None:
    """The same runs without some of their cases: headlines are over the others.

    None if no other case has a score, or the headline is no mean of cases.
    """
    keep = np.array([case not in names for case in scores.cases], bool)
    if not np.isfinite(scores.values[:, keep]).any(1).all():
        return None
    values, strata = scores.values[:, keep], scores.strata[keep]
    return replace(
        scores,
        cases=tuple(case for case in scores.cases if case not in names),
        strata=np.unique(strata, return_inverse=True)[1].astype(np.int64),
        values=values,
        headlines=stratified_means(values, strata),
    )


def defined_cases(scores: Scores) -> set[str]:
    """The cases that a seed has a score of."""
    return {scores.cases[case] for case in np.flatnonzero(np.isfinite(scores.values).any(0))}


def stratified_means(values: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over strata of the mean over the cases of each: (..., C) scores and (C,) strata to (...).

    NaN is left out of a mean, and a stratum of NaN alone out of the mean over strata; NaN if nothing is left.
    """
    members = strata == np.arange(strata.max(initial=-1) + 1)[:, None]  # (G, C)
    defined = np.isfinite(values)
    counts = defined @ members.T.astype(float)  # (..., G)
    sums = np.where(defined, values, 0.0) @ members.T
    per_stratum = np.divide(sums, counts, out=np.zeros_like(counts), where=counts > 0)
    present = (counts > 0).sum(-1)
    total = per_stratum.sum(-1)
    return np.divide(total, present, out=np.full(np.shape(total), np.nan), where=present > 0)
