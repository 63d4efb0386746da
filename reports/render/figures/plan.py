"""Which figures a folder of records gives, and why others are not there."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.agreement import grouped, setting
from reports.analysis.leaderboard import order
from reports.curves import read_curves
from reports.gallery import read_gallery
from reports.render.figures import USUAL, pretraining, qualitative
from reports.render.figures.across_tasks import of_cost, of_profiles, of_ranks
from reports.render.figures.planned import Group, Plan, Planned
from reports.render.figures.remarks import joined
from reports.render.figures.single_tasks import of_label_fractions, of_task
from reports.render.figures.style import looks
from reports.scores import sound_scores

__all__ = ["Plan", "Planned", "first_seeds", "plan"]

OVER_TASKS = {"critical-difference": of_ranks, "profiles": of_profiles, "cost": of_cost}


def plan(
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
    styles = looks(record.backbone.name for record in records)
    groups = []
    for some in sorted(grouped(records, setting), key=lambda some: order(setting(some[0]))):
        scores, unsound = sound_scores(some)
        made.problems += unsound
        if scores:
            groups.append(Group(setting(some[0]), some, scores))
    for group in groups:
        for scored in grouped(group.scores, lambda s: (s.task, s.protocol)):
            of_task(made, group, scored, styles, kinds)
        for kind, figures in OVER_TASKS.items():
            if kind in kinds:
                with made.naming(f"{group.note}: {kind}"):
                    figures(made, group, styles)
        if "gallery" in kinds:
            of_galleries(made, group)
    if "labels" in kinds:
        of_label_fractions(made, groups, styles)
    if "pretraining" in kinds:
        of_pretraining(made, runs)
    return made


def first_seeds(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The run of each backbone on each task whose gallery is drawn."""
    runs = grouped(records, lambda r: (setting(r), r.task, r.protocol, r.backbone.name))
    return [min(some, key=lambda record: record.seed) for some in runs]


def of_galleries(made: Plan, group: Group) -> None:
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
                joined([f"Seed {first.seed}.", qualitative.remark(gallery)]),
                partial(qualitative.draw, gallery),
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


def of_pretraining(made: Plan, runs: Sequence[Path]) -> None:
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
        Planned(
            name="pretraining",
            kind="pretraining",
            title="Pretraining",
            note="Thin: as logged; strong: running median. The config.py of a run names its corpus.",
            setting=None,
            content=partial(pretraining.draw, curves, looks(curves)),
        )
    )
