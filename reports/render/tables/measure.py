"""A measured figure: mean and spread over seeds, and the confidence interval of the mean."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvmmed_backbones.records import StoredRecord
from reports.render.tables.matching import site_of
from reports.scores import Scores, read_scores
from reports.statistics.intervals import mean_interval


@dataclass(frozen=True)
class MeasuredFigure:
    """Fractions: the mean over runs, their sample standard deviation (None for one) and the 95 %
    confidence interval of the mean (None where `reports.statistics.intervals` has none)."""

    mean: float
    std: float | None = None
    low: float | None = None
    high: float | None = None


def measure(runs: Sequence[StoredRecord], metric: str, problems: list[str]) -> MeasuredFigure:
    """The figure of the runs of one backbone on one task, in any of their metrics.

    Parameters
    ----------
    runs : sequence of StoredRecord
        At least one, in all of which the metric is defined.
    metric : str
        Such as dice, or dice/BMC: of the cases of a site.
    problems : list of str
        Is told of cases that cannot be read; there is no interval then.
    """
    plain = measure_without_interval(runs, metric)
    try:
        found = mean_interval(scores_in_metric(runs, metric))
    except (OSError, ValueError) as error:
        problems.append(str(error))
        return plain
    return replace(plain, low=found.low, high=found.high) if found else plain


def measure_without_interval(runs: Sequence[StoredRecord], metric: str) -> MeasuredFigure:
    """The figure without an interval."""
    values = [float(run.metrics[metric] or 0) for run in runs]
    return MeasuredFigure(
        statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None
    )


def scores_in_metric(runs: Sequence[StoredRecord], metric: str) -> Scores:
    """The scores of the runs in a metric that need not be their headline.

    A metric of a site is the mean over the site's cases of the metric before the bar.
    """
    of_site = bool(site_of(metric)) and metric.partition("/")[0] == runs[0].metric
    if metric == runs[0].metric or of_site:
        (found,) = read_scores(runs)
    else:
        headed = [replace(r, metric=metric, value=float(r.metrics[metric] or 0)) for r in runs]
        (found,) = read_scores(headed)
    if not of_site:
        return found
    ordered = sorted(runs, key=lambda run: run.seed)
    mine = np.array([case.startswith(f"{site_of(metric)}/") for case in found.cases], bool)
    return replace(
        found,
        metric=metric,
        cases=tuple(case for case, is_mine in zip(found.cases, mine, strict=True) if is_mine),
        strata=np.zeros(mine.sum(), np.int64),
        values=found.values[:, mine],
        headlines=np.array([run.metrics[metric] for run in ordered], float),
    )
