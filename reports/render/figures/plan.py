"""Which figures a folder of records gives, and why others are not there."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.agreement import condition_of, group_by
from reports.analysis.leaderboard import condition_order
from reports.curves import read_curves
from reports.gallery import read_gallery
from reports.render.figures import USUAL, pretraining, qualitative
from reports.render.figures.across_tasks import plan_cost, plan_critical_difference, plan_profiles
from reports.render.figures.planned import ConditionGroup, Plan, PlannedFigure
from reports.render.figures.remarks import join_sentences
from reports.render.figures.single_tasks import plan_label_efficiency, plan_task
from reports.render.figures.style import assign_looks
from reports.scores import read_sound_scores

OVER_TASKS = {
    "critical-difference": plan_critical_difference,
    "profiles": plan_profiles,
    "cost": plan_cost,
}


def plan_figures(
    records: Sequence[StoredRecord], runs: Sequence[Path] = (), kinds: Collection[str] = USUAL
) -> Plan:
    """All figures that the records, their galleries and the pretraining runs give; draws none of them.

    Parameters
    ----------
    records : sequence of StoredRecord
        That agree with each other (`reports.agreement.agreeing`).
    runs : sequence of Path
        Work folders of pretraining runs.
    kinds : collection of str
        Those that are drawn, of `KINDS`.
    """
    made = Plan()
    styles = assign_looks(record.backbone.name for record in records)
    groups = []
    for some in sorted(
        group_by(records, condition_of), key=lambda some: condition_order(condition_of(some[0]))
    ):
        scores, unsound = read_sound_scores(some)
        made.problems += unsound
        if scores:
            groups.append(ConditionGroup(condition_of(some[0]), some, scores))
    for group in groups:
        for scored in group_by(group.scores, lambda s: (s.task, s.protocol)):
            plan_task(made, group, scored, styles, kinds)
        for kind, figures in OVER_TASKS.items():
            if kind in kinds:
                with made.naming(f"{group.note}: {kind}"):
                    figures(made, group, styles)
        if "gallery" in kinds:
            plan_galleries(made, group)
    if "labels" in kinds:
        plan_label_efficiency(made, groups, styles)
    if "pretraining" in kinds:
        plan_pretraining(made, runs)
    return made


def first_seeds(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The run of each backbone on each task whose gallery is drawn."""
    runs = group_by(records, lambda r: (condition_of(r), r.task, r.protocol, r.backbone.name))
    return [min(some, key=lambda record: record.seed) for some in runs]


def plan_galleries(made: Plan, group: ConditionGroup) -> None:
    """The gallery of each backbone on each task, of its first seed."""
    without = 0
    runs = first_seeds(group.records)
    for first in runs:
        try:
            gallery = read_gallery(first)
        except ValueError as error:
            made.problems.append(str(error))
            continue
        if gallery is None or not gallery.entries:
            without += 1
            continue
        made.figures.append(
            group.figure(
                "gallery",
                f"{first.backbone.name} on {first.task} ({first.protocol})",
                join_sentences([f"Seed {first.seed}.", qualitative.gallery_note(gallery)]),
                partial(qualitative.draw_gallery, gallery),
                task=first.task,
                protocol=first.protocol,
                backbone=first.backbone.name,
            )
        )
    if without:
        made.missing.append(
            f"{group.note}: no gallery of {without} of {len(runs)} backbones on tasks: their runs left no case "
            "to show (they are older than galleries, or no case has a score)."
        )


def plan_pretraining(made: Plan, runs: Sequence[Path]) -> None:
    """The curves of pretraining runs, all in one figure."""
    if not runs:
        return
    names = [os.path.basename(os.path.realpath(run)) for run in runs]
    unique = [
        plain(name if names.count(name) == 1 else run)
        for name, run in zip(names, runs, strict=True)
    ]
    curves = {}
    for name, run in zip(unique, runs, strict=True):
        try:
            curves[name] = read_curves(run)
        except (OSError, ValueError) as error:
            made.problems.append(str(error))
    if not pretraining.panels(curves):
        made.missing.append(
            f"no curves of pretraining: no run has two steps of {', '.join(pretraining.PANELS)}."
        )
        return
    made.figures.append(
        PlannedFigure(
            name="pretraining",
            kind="pretraining",
            title="Pretraining",
            note="Thin: as logged; strong: running median. The config.py of a run names its corpus.",
            condition=None,
            content=partial(pretraining.draw_pretraining, curves, assign_looks(curves)),
        )
    )
