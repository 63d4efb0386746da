"""Records to a site: which pages there are, and what each of them shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord, overrides_text
from reports.analysis.leaderboard import Leaderboard, leaderboards
from reports.analysis.leads import compare_with_best
from reports.reading.consistency import Condition, condition_order, group_by
from reports.reading.scores import Scores
from reports.reading.seen import SeenByCell
from reports.render.figures.planned import PlannedFigure
from reports.render.files import page_addresses
from reports.render.site import comparisons
from reports.render.site.cases import Case, copy_cases
from reports.render.site.content import (
    Site,
    backbone_facts,
    index_content,
    plot_data,
)
from reports.render.site.files import SiteFolder, copy_records, copy_static, draw_plates
from reports.render.site.leads import opponent_text
from reports.render.site.rendering import render_page
from reports.render.site.results import Result, TaskResults, task_results
from reports.render.text import leaked_text
from reports.render.text.comparison_text import KEY_SENTENCE
from reports.render.text.leaderboard_text import pretraining_notes


def build_site(
    records: Sequence[StoredRecord],
    pretraining: Sequence[Path],
    folder: SiteFolder,
    seen: SeenByCell,
) -> None:
    """Write all pages and the files that they show.

    What cannot be shown becomes a problem of the folder: records that cannot be read again or have unsound cases,
    configs that are no plain files of the results, spoilt galleries, figures that cannot be drawn.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that `reports.reading.consistency.consistent_records` let through.
    pretraining : sequence of Path
        Work folders of pretraining runs.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.

    Raises
    ------
    OSError
        If the site cannot be written.
    ValueError
        If no record is left.
    """
    copy_static(folder)
    runs, configs = copy_records(_in_order(records), folder)
    copied = sorted((r for r in _in_order(records) if r.path in runs), key=lambda r: r.task)
    by_task = {
        same[0].task: results
        for same in folder.progress(group_by(copied, lambda r: r.task), "tasks")
        if (results := task_results(same, folder.problems, seen))
    }
    if not by_task:
        raise ValueError("\n".join([*folder.problems, "no record is left to show."]))
    parts = [*chain.from_iterable(by_task.values())]
    shown = _in_order([run for part in parts for result in part.results for run in result.runs])
    runs_of = {same[0].backbone.name: same for same in group_by(shown, lambda r: r.backbone.name)}
    tasks, backbones = page_addresses(record.task for record in shown), page_addresses(runs_of)
    site = Site(shown, runs_of, tasks, backbones, runs, configs)
    plates = _draw_plates(site, pretraining, folder)
    boards = leaderboards(site.records, seen=seen)
    _write_comparisons(site, boards, parts, folder, seen)
    front = index_content(site, by_task, boards[0], seen, folder.problems)
    overall = [plate for plate in plates if plate.task is None]
    _write(folder, site, "index.html", "index.html.j2", plates=overall, **front)
    _write(folder, site, "records.html", "records.html.j2")
    notes = [*comparisons.READING, *pretraining_notes(site.records)]
    _write(folder, site, "compare.html", "compare.html.j2", notes=notes)
    reached: dict[str, list[tuple[str, TaskResults, Result]]] = defaultdict(list)
    for task, results in folder.progress(by_task.items(), "pages"):
        _write_task(folder, site, task, results, plates)
        for part in results:
            for result in part.results:
                reached[result.backbone].append((task, part, result))
    for backbone, address in site.backbones.items():
        content = {
            "backbone": backbone,
            "facts": backbone_facts(site.runs_of[backbone]),
            "runs": site.runs_of[backbone],
            "results": reached[backbone],
        }
        _write(folder, site, f"backbones/{address}.html", "backbone.html.j2", **content)


def _write(folder: SiteFolder, site: Site, path: str, template: str, **content: Any) -> None:
    """Write a page at a path of the site."""
    (folder.path / path).parent.mkdir(exist_ok=True)
    text = render_page(template, path.count("/"), site=site, **content)
    (folder.path / path).write_text(text, encoding="utf-8", newline="\n")


def _write_task(
    folder: SiteFolder,
    site: Site,
    task: str,
    results: Sequence[TaskResults],
    plates: Sequence[PlannedFigure],
) -> None:
    """Write the page of a task."""

    def plates_of(part: TaskResults) -> list[PlannedFigure]:
        about = (task, part.protocol, part.condition)
        return [p for p in plates if (p.task, p.protocol, p.condition) == about]

    content = {
        "task": task,
        "parts": results,
        "plots": [plot_data(part) for part in results],
        "plates": [plates_of(part) for part in results],
        "against": [
            [*map(opponent_text, compare_with_best([result.scores for result in part.results]))]
            for part in results
        ],
        "key": KEY_SENTENCE,
        "leaked_title": leaked_text.TITLE,
        "leaked_headings": leaked_text.HEADINGS,
        "galleries": [_copy_galleries(part, site, folder) for part in results],
    }
    _write(folder, site, f"tasks/{site.tasks[task]}.html", "task.html.j2", **content)


def _draw_plates(
    site: Site, pretraining: Sequence[Path], folder: SiteFolder
) -> list[PlannedFigure]:
    """Draw the figures; if they cannot even be planned, the site has none."""
    try:
        return draw_plates(site.records, pretraining, folder)
    except ValueError as error:
        folder.problems.append(plain(f"no figures are drawn: {error}"))
        return []


def _write_comparisons(
    site: Site,
    boards: Sequence[Leaderboard],
    parts: Sequence[TaskResults],
    folder: SiteFolder,
    seen: SeenByCell,
) -> None:
    """Write the comparisons of all backbones, in the order of the leaderboards."""
    names = dict.fromkeys(str(name) for board in boards for name in board.mean_rank.index)
    numbers = {name: number for number, name in enumerate(names)}
    scores: dict[Condition, list[Scores]] = {}
    for part in parts:
        scores.setdefault(part.condition, []).extend(result.scores for result in part.results)
    families = [
        comparisons.compare_backbones(condition, scores[condition], numbers, folder.problems)
        for condition in sorted(scores, key=condition_order)
    ]
    comparisons.write_data(families, {name: site.backbones[name] for name in names}, folder, seen)


def _in_order(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """The records by backbone, task and seed."""
    return sorted(
        records,
        key=lambda r: (
            *(r.backbone.name, r.task, r.profile, r.recipe, r.label_fraction),
            *(overrides_text(r.overrides), r.seed),
        ),
    )


def _copy_galleries(part: TaskResults, site: Site, folder: SiteFolder) -> dict[str, list[Case]]:
    """The cases of each backbone's first seed; a spoilt gallery becomes a problem."""
    galleries = {}
    for result in part.results:
        first = min(result.runs, key=lambda record: record.seed)
        try:
            if cases := copy_cases(first, site.runs[first.path], folder.path):
                galleries[first.backbone.name] = cases
        except (FileNotFoundError, ValueError) as error:
            folder.problems.append(str(error))
    return galleries
