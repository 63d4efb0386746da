"""Which figures a folder of records gives, and why others are not there."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.analysis.leaderboard import by_condition
from reports.reading.consistency import condition_of, group_by
from reports.reading.curves import read_curves
from reports.reading.gallery import read_gallery
from reports.reading.scores import read_sound_scores
from reports.render.figures import USUAL
from reports.render.figures.gallery_figure import draw_gallery, gallery_note
from reports.render.figures.plan_overall import plan_overall
from reports.render.figures.plan_tasks import plan_label_efficiency, plan_task
from reports.render.figures.planned import ConditionGroup, Plan, PlannedFigure
from reports.render.figures.pretraining_figure import PANELS, draw_pretraining, panels
from reports.render.figures.style import assign_looks


def plan_figures(
    records: Sequence[StoredRecord], runs: Sequence[Path] = (), kinds: Collection[str] = USUAL
) -> Plan:
    """Plan all figures that the records, their galleries and the pretraining runs give; draw none of them.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that `reports.reading.consistency.consistent_records` let through.
    runs : sequence of Path
        Work folders of pretraining runs.
    kinds : collection of str
        Kinds of figures to plan, of `KINDS`.
    """
    plan = Plan(assign_looks(record.backbone.name for record in records))
    groups = []
    for condition, of_condition in by_condition(records):
        scores, unsound = read_sound_scores(of_condition)
        plan.problems += unsound
        if scores:
            groups.append(ConditionGroup(condition, of_condition, scores))
    for group in groups:
        for scores in group_by(group.scores, lambda s: (s.task, s.protocol)):
            plan_task(plan, group, scores, kinds)
        plan_overall(plan, group, kinds)
        if "gallery" in kinds:
            _plan_galleries(plan, group)
    if "labels" in kinds:
        plan_label_efficiency(plan, groups)
    if "pretraining" in kinds and runs:
        _plan_pretraining(plan, runs)
    return plan


def first_seeds(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The run of each backbone on each task whose gallery is drawn."""
    runs = group_by(records, lambda r: (condition_of(r), r.task, r.protocol, r.backbone.name))
    return [min(of_backbone, key=lambda record: record.seed) for of_backbone in runs]


def _plan_galleries(plan: Plan, group: ConditionGroup) -> None:
    """Plan the gallery of each backbone on each task, of its first seed."""
    without = 0
    runs = first_seeds(group.records)
    for run in runs:
        try:
            gallery = read_gallery(run)
        except ValueError as error:
            plan.problems.append(str(error))
            continue
        if gallery is None or not gallery.entries:
            without += 1
            continue
        about = (run.task, run.protocol, run.backbone.name)
        title = f"{run.backbone.name} on {run.task} ({run.protocol})"
        notes = [f"Seed {run.seed}.", gallery_note(gallery)]
        plan.add(group, "gallery", title, notes, partial(draw_gallery, gallery), *about)
    if without:
        plan.missing.append(
            f"{group.note}: no gallery of {without} of {len(runs)} backbones on tasks: their runs left no case "
            "to show (they are older than galleries, or no case has a score)."
        )


def _plan_pretraining(plan: Plan, runs: Sequence[Path]) -> None:
    """Plan the figure of the curves of all pretraining runs."""
    names = [os.path.basename(os.path.realpath(run)) for run in runs]
    curves = {}
    for name, run in zip(names, runs, strict=True):
        try:
            curves[plain(name if names.count(name) == 1 else run)] = read_curves(run)
        except (OSError, ValueError) as error:
            plan.problems.append(str(error))
    if not panels(curves):
        plan.missing.append(
            f"no curves of pretraining: no run has two steps of {', '.join(PANELS)}."
        )
        return
    note = "Thin: as logged; strong: running median. The config.py of a run names its corpus."
    draw = partial(draw_pretraining, curves, assign_looks(curves))
    plan.figures.append(
        PlannedFigure("pretraining", "pretraining", "Pretraining", note, None, draw)
    )
