"""Records to a site: which pages there are, and the files beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import MIB, Refused
from lvmmed_backbones.records import StoredRecord
from lvmmed_backbones.records.folder import read_own
from lvmmed_backbones.records.record import MOST
from reports.agreement import Condition, group_by
from reports.analysis.leaderboard import Leaderboard, condition_order, leaderboards
from reports.render.site import comparisons, index, rendering
from reports.render.site.addresses import page_addresses
from reports.render.site.backbone import backbone_facts
from reports.render.site.cases import Case, copy_cases
from reports.render.site.figures import Plates, draw_plates
from reports.render.site.leads import compare_with_best
from reports.render.site.results import Result, TaskResults, task_results
from reports.scores import Scores
from reports.verdicts import KEY_SENTENCE
from reports.wording import describe_backbone

HERE = Path(__file__).parent
CONFIG = 16 * MIB  # of a config; a run writes a hundredth of one
Progress = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes
    ----------
    records : list of StoredRecord
        Those shown, by backbone, task and seed.
    runs_of : dict of str to list of StoredRecord
        The same, of each backbone.
    tasks, backbones : dict of str to str
        The address of each one's page.
    runs : dict of Path to str
        The address of each record's copy, by its path.
    configs : set of Path
        Paths of the records that have a config beside them.
    footer : str
        What the site was made from.
    """

    records: list[StoredRecord]
    runs_of: dict[str, list[StoredRecord]]
    tasks: dict[str, str]
    backbones: dict[str, str]
    runs: dict[Path, str]
    configs: set[Path]
    footer: str


def build_site(
    records: Sequence[StoredRecord], pretraining: Sequence[Path], folder: Path, progress: Progress
) -> list[str]:
    """Write all pages and what they show.

    Parameters
    ----------
    records : sequence of StoredRecord
        That agree with each other.
    pretraining : sequence of Path
        Work folders of pretraining runs.
    folder : Path
        An empty one.
    progress : Progress
        Wraps what takes long, given its name.

    Returns
    -------
    list of str
        A sentence for each thing that could not be shown: records that cannot be read again or whose cases are not
        sound, configs that are no plain files of the results, spoilt galleries, figures that cannot be drawn.

    Raises
    ------
    OSError
        If the site cannot be written.
    ValueError
        If no record is left.
    """
    copy_static(folder)
    problems: list[str] = []
    runs, configs = copy_records(records, folder, progress, problems)
    copied = sorted(
        (record for record in in_order(records) if record.path in runs), key=lambda r: r.task
    )
    by_task = {
        some[0].task: found
        for some in progress(group_by(copied, lambda record: record.task), "tasks")
        if (found := task_results(some, problems))
    }
    if not by_task:
        raise ValueError("\n".join([*problems, "no record is left to show."]))
    sound = [run for some in by_task.values() for part in some for run in chain(*part.runs)]
    site = plan_pages(sound, runs, configs)
    plates = draw_figures(site, pretraining, folder, progress, problems)
    boards = leaderboards(site.records)
    write_comparisons(site, boards, by_task, folder, progress, problems)
    front = index.index_content(site, by_task, boards[0], problems)
    write_page(folder, site, "index.html", "index.html.j2", plates=plates.overall, **front)
    write_page(folder, site, "records.html", "records.html.j2")
    write_page(folder, site, "compare.html", "compare.html.j2", notes=comparisons.READING)
    for task, some in progress(by_task.items(), "pages"):
        content = {
            "task": task,
            "lead": index.task_line(some),
            "parts": some,
            "plots": [plot_data(part) for part in some],
            "plates": [plates.of_part(task, part) for part in some],
            "against": [compare_with_best(part.scores) for part in some],
            "key": KEY_SENTENCE,
            "galleries": [copy_galleries(part, site, folder, problems) for part in some],
        }
        write_page(folder, site, f"tasks/{site.tasks[task]}.html", "task.html.j2", **content)
    results = by_backbone(by_task)
    for backbone, address in site.backbones.items():
        its = site.runs_of[backbone]
        content = {
            "backbone": backbone,
            "lead": describe_backbone(its[0].backbone),
            "facts": backbone_facts(its),
            "runs": its,
            "results": results[backbone],
        }
        write_page(folder, site, f"backbones/{address}.html", "backbone.html.j2", **content)
    return problems


def write_page(folder: Path, site: Site, path: str, template: str, **content: Any) -> None:
    """Write a page at a path of the site."""
    (folder / path).parent.mkdir(exist_ok=True)
    text = rendering.render_page(
        template, path.count("/"), site=site, footer=site.footer, **content
    )
    (folder / path).write_text(text, encoding="utf-8", newline="\n")


def draw_figures(
    site: Site, pretraining: Sequence[Path], folder: Path, progress: Progress, problems: list[str]
) -> Plates:
    """Draw the figures; if they cannot even be planned, the other pages are there all the same."""
    try:
        return draw_plates(site.records, pretraining, folder, progress, problems)
    except ValueError as error:
        problems.append(plain(f"no figures are drawn: {error}"))
        return Plates([])


def write_comparisons(
    site: Site,
    boards: Sequence[Leaderboard],
    by_task: Mapping[str, Sequence[TaskResults]],
    folder: Path,
    progress: Progress,
    problems: list[str],
) -> None:
    """Write the comparisons of all backbones, those that lead first."""
    names = dict.fromkeys(str(name) for board in boards for name in board.mean_rank.index)
    numbers = {name: number for number, name in enumerate(names)}
    families = [
        comparisons.compare_backbones(condition, scores, numbers, problems)
        for condition, scores in scores_by_condition(by_task).items()
    ]
    comparisons.write_data(
        families, {name: site.backbones[name] for name in names}, folder, progress
    )


def by_backbone(
    by_task: Mapping[str, Sequence[TaskResults]],
) -> dict[str, list[tuple[str, TaskResults, Result]]]:
    """The results of each backbone: task, part and what it reached."""
    found: dict[str, list[tuple[str, TaskResults, Result]]] = {}
    for task, some in by_task.items():
        for part in some:
            for result in part.results:
                found.setdefault(result.backbone, []).append((task, part, result))
    return found


def plan_pages(sound: Sequence[StoredRecord], runs: dict[Path, str], configs: set[Path]) -> Site:
    """Which pages there are, and where.

    Parameters
    ----------
    sound : sequence of StoredRecord
        The records that are shown.
    runs, configs : dict of Path to str
        What `copy_records` returned.
    """
    records = in_order(sound)
    runs_of = {
        some[0].backbone.name: some
        for some in group_by(records, lambda record: record.backbone.name)
    }
    return Site(
        records=records,
        runs_of=runs_of,
        tasks=page_addresses(record.task for record in records),
        backbones=page_addresses(runs_of),
        runs=runs,
        configs=configs,
        footer=index.footer(records),
    )


def in_order(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """By backbone, task and seed."""
    return sorted(
        records, key=lambda r: (r.backbone.name, r.task, r.profile, r.label_fraction, r.seed)
    )


def run_addresses(records: Sequence[StoredRecord]) -> dict[Path, str]:
    """The address of each record's copy: its run's identity, with the place of the file where two runs share one."""
    shared = {some[0].run for some in group_by(records, lambda record: record.run) if len(some) > 1}
    names = {r.path: f"{r.run}/{r.path}" if r.run in shared else r.run for r in records}
    known = page_addresses(names.values())
    return {path: known[name] for path, name in names.items()}


def copy_static(folder: Path) -> None:
    """Copy styles, scripts, and the libraries with their licences."""
    (folder / "static").mkdir()
    for source in ("static", "vendor"):
        for path in sorted((HERE / source).iterdir()):
            shutil.copyfile(path, folder / "static" / path.name)


def copy_records(
    records: Sequence[StoredRecord], folder: Path, progress: Progress, problems: list[str]
) -> tuple[dict[Path, str], set[Path]]:
    """Copy every record and config, under names that no reader of results takes for a run.

    Returns
    -------
    (dict of Path to str, set of Path)
        The address of each record's copy, by its path, and the paths of the records that have a config; what cannot be
        read again, or is no plain file of the results, is added to the problems.
    """
    target = folder / "records"
    target.mkdir()
    wanted = run_addresses(in_order(records))
    runs, having = {}, set()
    for record in progress(in_order(records), "records"):
        try:
            content = read_own(record.path, record.results, MOST)
        except Refused as error:
            problems.append(str(error))
            continue
        address = runs[record.path] = wanted[record.path]
        (target / f"{address}.json").write_bytes(content)
        config = record.path.with_name("config.py")
        if not os.path.lexists(config):
            continue
        try:
            content = read_own(config, record.results, CONFIG)
        except Refused as error:
            problems.append(str(error))
            continue
        (target / f"{address}.config.txt").write_bytes(content)
        having.add(record.path)
    return runs, having


def copy_galleries(
    part: TaskResults, site: Site, folder: Path, problems: list[str]
) -> dict[str, list[Case]]:
    """The cases of each backbone's first seed; a spoilt gallery is added to the problems."""
    found = {}
    for runs in part.runs:
        first = min(runs, key=lambda record: record.seed)
        try:
            shown = copy_cases(first, site.runs[first.path], folder)
        except (FileNotFoundError, ValueError) as error:
            problems.append(str(error))
            continue
        if shown:
            found[first.backbone.name] = shown
    return found


def scores_by_condition(
    by_task: Mapping[str, Sequence[TaskResults]],
) -> dict[Condition, list[Scores]]:
    """The scores of all tasks by condition, the most telling one first."""
    found: dict[Condition, list[Scores]] = {}
    for part in (part for some in by_task.values() for part in some):
        found.setdefault(part.condition, []).extend(part.scores)
    return dict(sorted(found.items(), key=lambda item: condition_order(item[0])))


def plot_data(part: TaskResults) -> list[dict[str, Any]]:
    """What the plot of a part shows: percentages."""
    return [
        {
            "backbone": r.backbone,
            "mean": 100 * r.mean,
            "low": None if r.low is None else 100 * r.low,
            "high": None if r.high is None else 100 * r.high,
            "seeds": [100 * value for value in r.seeds.values()],
        }
        for r in part.results
    ]
