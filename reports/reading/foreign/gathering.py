"""Rows to scores: of each task one metric, in one unit, each value once; what cannot be told is left out and said."""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lvmmed_backbones.records.cases import over_sites
from reports.reading.consistency import group_by
from reports.reading.foreign.rows import Remarks, Row, places
from reports.reading.metrics import describe_metric
from reports.reading.scores import Scores, combine_runs, task_label

# Words in the names of metrics of which less is better; `describe_metric` knows this suite's own.
ERRORS = {"loss", "error", "mse", "rmse", "mae", "ece", "brier", "hausdorff", "hd", "hd95", "assd"}


@dataclass
class Gathered(Remarks):
    """What rows amount to.

    Attributes
    ----------
    scores : list of Scores
        Of each backbone on each task, as those of records.
    """

    scores: list[Scores] = field(default_factory=list)


def gather(rows: Sequence[Row], metric: str | None = None, percent: bool = False) -> Gathered:
    """Gather rows into scores.

    Parameters
    ----------
    rows : sequence of Row
        Of the backbones that are to be compared.
    metric : str, optional
        The metric to compare in; None: the only one of a task, or the one that its tool takes first.
    percent : bool
        Whether all values are percent; else a task's values are percent if some are above 1 and none is between 0 and
        1, and a task that has both is left out.
    """
    gathered = Gathered()
    chosen: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for column in group_by(_one_spelling(rows, gathered), lambda r: (r.task, r.protocol)):
        label = column[0].label
        by_metric = {same[0].metric: same for same in group_by(column, lambda r: r.metric)}
        try:
            name = _choose(by_metric, metric)
            others = tuple(sorted(by_metric.keys() - {name}))
            if others and metric is None:
                chosen[name, others].append((label, column[0].source.format))
            of_unit = _in_shares(by_metric[name], percent, label, gathered)
        except ValueError as error:
            gathered.problems.append(f"{label}: {error} Left out.")
            continue
        for same in group_by(_once(of_unit, gathered), lambda r: r.backbone):
            if scores := _scores(_with_seeds(same, gathered), gathered):
                gathered.scores.append(scores)
    for (name, others), labels in chosen.items():
        gathered.notes.append(
            f"compared in {name}, which {labels[0][1]} has of {', '.join(t for t, _ in labels)}; "
            f"--metric chooses another: {', '.join(others)}."
        )
    return gathered


def _one_spelling(rows: Sequence[Row], gathered: Gathered) -> list[Row]:
    """The rows, metrics that differ in capitals, blanks, - and _ alone under the name that comes first."""
    first: dict[str, str] = {}
    merged: dict[str, set[str]] = defaultdict(set)
    renamed = []
    for row in rows:
        name = first.setdefault(_folded(row.metric), row.metric)
        if name != row.metric:
            merged[name].add(row.metric)
        renamed.append(row._replace(metric=name))
    gathered.notes += [
        f"read as one metric: {', '.join([name, *sorted(others)])}."
        for name, others in merged.items()
    ]
    return renamed


def _folded(metric: str) -> str:
    return re.sub(r"[\s_-]+", "_", metric.casefold())


def _choose(by_metric: dict[str, list[Row]], metric: str | None) -> str:
    """The metric to compare in.

    Raises
    ------
    ValueError
        If there is no such metric, it cannot be told which one, or less of it is better.
    """
    choice = ", ".join(sorted(by_metric))
    if metric is not None:
        found = [name for name in by_metric if _folded(name) == _folded(metric)]
        if not found:
            raise ValueError(f"no metric {metric}; it has {choice}.")
        name = found[0]
    elif len(by_metric) == 1:
        (name,) = by_metric
    else:
        sources = [same[0].source for same in by_metric.values()]
        preferred = [name for source in sources for name in source.preferred if name in by_metric]
        if not preferred:
            raise ValueError(f"{len(by_metric)} metrics ({choice}), and --metric names none.")
        name = preferred[0]
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    known = describe_metric(_folded(name))
    if words & ERRORS or known.less_is_better or not known.percent:
        raise ValueError(f"less of {name} is better, or it is no share: no score.")
    return name


def _in_shares(rows: Sequence[Row], percent: bool, label: str, gathered: Gathered) -> list[Row]:
    """The rows of a task, as fractions.

    Raises
    ------
    ValueError
        If percent stand beside shares, or values are neither.
    """
    above = [row for row in rows if abs(row.value) > 1]
    if not above and not percent:
        return list(rows)
    if beyond := [row for row in rows if abs(row.value) > 100]:
        raise ValueError(
            f"{beyond[0].metric} {beyond[0].value:g} is neither a share nor percent, in {places(beyond)}."
        )
    below = [row for row in rows if 0 < abs(row.value) <= 1]
    if below and not percent:
        raise ValueError(
            f"percent beside shares: {above[0].metric} {above[0].value:g} in {places(above)}, "
            f"{below[0].value:g} in {places(below)}. Write all in one unit, or say --percent if all are percent."
        )
    gathered.notes.append(f"{label}: {rows[0].metric} is read as percent and divided by 100.")
    return [row._replace(value=row.value / 100) for row in rows]


def _once(rows: Sequence[Row], gathered: Gathered) -> list[Row]:
    """The rows, each value once; rows that contradict each other are left out."""
    kept: list[Row] = []
    equal: list[Row] = []
    apart: dict[str, list[list[Row]]] = defaultdict(list)
    for same in group_by(rows, lambda r: (r.backbone, r.seed, r.case)):
        if len({row.value for row in same}) > 1:
            apart[same[0].backbone].append(same)
        else:
            kept.append(same[0])
            equal += same[1:]
    for backbone, groups in apart.items():
        row = groups[0][0]
        seed = f"seed {row.seed}" if row.seed is not None else "no seed told"
        case = f", case {row.case}" if row.case else ""
        values = " and ".join(f"{other.value:g}" for other in groups[0][:2])
        gathered.problems.append(
            f"{backbone} on {row.label}: told twice with other values: {len(groups)} of its scores, such as "
            f"{row.metric} {values} ({seed}{case}) in {places(groups[0])}: two runs, or two metrics under "
            "one name? Left out. Tell them apart by seed or metric."
        )
    if equal:
        gathered.notes.append(f"repeated with the same value, counted once: {places(equal)}.")
    return kept


def _with_seeds(rows: Sequence[Row], gathered: Gathered) -> list[Row]:
    """The rows of a backbone on a task; those without a seed are one run, if no row has one."""
    without = [row for row in rows if row.seed is None]
    if without and len(without) < len(rows):
        gathered.problems.append(
            f"{rows[0].backbone} on {rows[0].label}: no seed in {places(without)}, where others have one. "
            "Left out."
        )
        return [row for row in rows if row.seed is not None]
    return [row._replace(seed=row.seed or 0) for row in rows]


def _scores(rows: Sequence[Row], gathered: Gathered) -> Scores | None:
    """The scores of a backbone on a task; None if no run is sound."""
    seeds, headlines, by_case, sited = [], [], [], []
    for run in sorted(group_by(rows, lambda r: r.seed), key=lambda run: run[0].seed or 0):
        cases = {row.case: row.value for row in run if row.case}
        whole = [row.value for row in run if not row.case]
        first = run[0]
        try:
            by_site = bool(cases and whole) and over_sites(cases, first.metric, whole[0], {})
        except ValueError as error:
            gathered.problems.append(
                f"{first.backbone} on {first.label}, seed {first.seed}: "
                f"{str(error).partition('. ')[0]}, in {places(run)}. Left out."
            )
            continue
        seeds.append(first.seed or 0)
        headlines.append(whole[0] if whole else statistics.fmean(cases.values()))
        by_case.append(cases)
        sited.append(by_site)
    if not seeds:
        return None
    first = rows[0]
    names = (first.backbone, first.task, first.protocol, first.metric)
    scores = combine_runs(names, seeds, headlines, by_case, any(sited))
    _say_gaps(scores, by_case, gathered)
    _say_patients(scores, gathered)
    return scores


def _say_patients(scores: Scores, gathered: Gathered) -> None:
    """Note what the names of cases say of patients: a path of folders may be meant otherwise."""
    patients = len(set(scores.patients.tolist()))
    if patients < len(scores.cases):
        note = (
            f"{task_label(scores.task, scores.protocol)}: {len(scores.cases)} cases of {patients} patients, which the "
            f"first two parts of a name such as {scores.cases[0]} tell apart."
        )
        if note not in gathered.notes:
            gathered.notes.append(note)


def _say_gaps(scores: Scores, by_case: Sequence[dict[str, float]], gathered: Gathered) -> None:
    """Note the cases that some seeds of a backbone lack."""
    who = f"{scores.backbone} on {task_label(scores.task, scores.protocol)}"
    if any(by_case) and not scores.cases:
        gathered.problems.append(
            f"{who}: some seeds have scores of cases and others have none. The cases are left out."
        )
    gaps = sum(math.isnan(value) for value in scores.values.ravel())
    if gaps:
        gathered.notes.append(
            f"{who}: {gaps} of {scores.values.size} scores (seeds x cases) are missing; means are over the others."
        )


def say_seeds(a: Iterable[Scores], b: Sequence[Scores]) -> list[str]:
    """A note for the tasks on which two backbones have other seeds."""
    of_b = {(s.task, s.protocol): s for s in b}
    apart: dict[tuple, list[str]] = defaultdict(list)
    for one in a:
        other = of_b.get((one.task, one.protocol))
        if other and one.seeds != other.seeds and min(len(one.seeds), len(other.seeds)) > 0:
            names = one.backbone, other.backbone
            apart[*names, one.seeds, other.seeds].append(task_label(one.task, one.protocol))
    return [
        f"{name_a} has seeds {_few(seeds_a)} and {name_b} {_few(seeds_b)} on {', '.join(tasks)}: all are used, "
        "since seeds are not paired."
        for (name_a, name_b, seeds_a, seeds_b), tasks in apart.items()
    ]


def _few(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds[:5])) + (
        f" and {len(seeds) - 5} more" if len(seeds) > 5 else ""
    )
