"""Records to a site: which pages there are, and the files beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvmmed_backbones.outside import MIB, Refused
from reports.agreement import Setting, grouped
from reports.leaderboard import order
from reports.records import MOST, Record, read_own
from reports.scores import Scores
from reports.site import comparisons, index, rendering
from reports.site.addresses import addresses
from reports.site.backbone import facts
from reports.site.cases import Case, cases
from reports.site.figures import draw
from reports.site.results import Part, parts
from reports.wording import detail

HERE = Path(__file__).parent
CONFIG = 16 * MIB  # of a config; a run writes a hundredth of one
Progress = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        records: those shown, by backbone, task and seed.
        tasks, backbones: the address of each one's page.
        runs: the address of each record's copy, by its path.
        configs: paths of the records that have a config beside them.
        footer: what the site was made from.
    """

    records: list[Record]
    tasks: dict[str, str]
    backbones: dict[str, str]
    runs: dict[Path, str]
    configs: set[Path]
    footer: str


def build(
    records: Sequence[Record], pretraining: Sequence[Path], folder: Path, progress: Progress
) -> list[str]:
    """Write all pages and what they show.

    Args:
        records: that agree with each other and whose cases are sound.
        pretraining: work folders of pretraining runs.
        folder: an empty one.
        progress: wraps what takes long, given its name.

    Returns:
        A sentence for each thing that could not be shown: configs that are no plain files of the results, spoilt
        galleries, figures that cannot be drawn.

    Raises:
        OSError, ValueError: if the site cannot be written, or records cannot be read again.
    """
    copy_static(folder)
    problems: list[str] = []
    site = plan(records, copy_records(records, folder, progress, problems))
    by_task = {
        task: parts([record for record in site.records if record.task == task])
        for task in progress(site.tasks, "tasks")
    }
    pairs = comparisons.compared(scores_by_setting(by_task), progress)
    plates = draw(site.records, pretraining, folder, progress, problems)

    data = comparisons.view(pairs, index.ordered_backbones(site.records))
    (folder / "data").mkdir()
    (folder / "data" / "comparisons.js").write_text(
        rendering.script_data("comparisons", data), encoding="utf-8", newline="\n"
    )
    front = index.content(site, by_task, problems)
    write(folder, site, "index.html", "index.html.j2", plates=plates.overall, **front)
    write(folder, site, "records.html", "records.html.j2")
    write(folder, site, "compare.html", "compare.html.j2", notes=comparisons.READING)
    for task, some in progress(by_task.items(), "pages"):
        content = {
            "task": task,
            "lead": index.task_line(some),
            "parts": some,
            "plots": [plot(part) for part in some],
            "plates": [plates.of_part(task, part) for part in some],
            "columns": comparisons.COLUMNS[1:],
            "against": [lead(task, part, pairs[part.setting]) for part in some],
            "galleries": [gallery(part, site, folder, problems) for part in some],
        }
        write(folder, site, f"tasks/{site.tasks[task]}.html", "task.html.j2", **content)
    for backbone, address in site.backbones.items():
        content = backbone_content(backbone, site, by_task)
        write(folder, site, f"backbones/{address}.html", "backbone.html.j2", **content)
    return problems


def write(folder: Path, site: Site, path: str, template: str, **content: Any) -> None:
    """Write a page at a path of the site."""
    (folder / path).parent.mkdir(exist_ok=True)
    text = rendering.page(template, path.count("/"), site=site, footer=site.footer, **content)
    (folder / path).write_text(text, encoding="utf-8", newline="\n")


def lead(task: str, part: Part, pairs: comparisons.Pairs) -> list[tuple[str, dict[str, Any]]]:
    """What the lead of the best backbone of a part is worth."""
    ranked = [result.backbone for result in part.results]
    return comparisons.against(ranked, task, part.protocol, pairs)


def backbone_content(
    backbone: str, site: Site, by_task: Mapping[str, Sequence[Part]]
) -> dict[str, Any]:
    """What the template of a backbone's page needs."""
    runs = [record for record in site.records if record.backbone == backbone]
    return {
        "backbone": backbone,
        "lead": detail(runs[0]),
        "facts": facts(runs),
        "runs": runs,
        "results": [
            (task, part, result)
            for task, some in by_task.items()
            for part in some
            for result in part.results
            if result.backbone == backbone
        ],
    }


def plan(records: Sequence[Record], configs: set[Path]) -> Site:
    """Which pages there are, and where.

    Args:
        configs: paths of the records that have a config beside them.
    """
    return Site(
        records=ordered(records),
        tasks=addresses(record.task for record in records),
        backbones=addresses(record.backbone for record in records),
        runs=run_addresses(ordered(records)),
        configs=configs,
        footer=index.footer(records),
    )


def ordered(records: Sequence[Record]) -> list[Record]:
    """By backbone, task and seed."""
    return sorted(records, key=lambda r: (r.backbone, r.task, r.profile, r.label_fraction, r.seed))


def run_addresses(records: Sequence[Record]) -> dict[Path, str]:
    """The address of each record's copy: its run's identity, with the place of the file where two runs share one."""
    shared = {some[0].run for some in grouped(records, lambda record: record.run) if len(some) > 1}
    names = {r.path: f"{r.run}/{r.path}" if r.run in shared else r.run for r in records}
    known = addresses(names.values())
    return {path: known[name] for path, name in names.items()}


def copy_static(folder: Path) -> None:
    """Copy styles, scripts, and the libraries with their licences."""
    (folder / "static").mkdir()
    for source in ("static", "vendor"):
        for path in sorted((HERE / source).iterdir()):
            shutil.copyfile(path, folder / "static" / path.name)


def copy_records(
    records: Sequence[Record], folder: Path, progress: Progress, problems: list[str]
) -> set[Path]:
    """Copy every record and config, under names that no reader of results takes for a run.

    Returns:
        Paths of the records that have a config; one that is no plain file of the results is added to the problems.

    Raises:
        ValueError: if a record cannot be read again.
    """
    target = folder / "records"
    target.mkdir()
    runs = run_addresses(ordered(records))
    having = set()
    for record in progress(ordered(records), "records"):
        (target / f"{runs[record.path]}.json").write_bytes(
            read_own(record.path, record.results, MOST)
        )
        config = record.path.with_name("config.py")
        if not os.path.lexists(config):
            continue
        try:
            content = read_own(config, record.results, CONFIG)
        except Refused as error:
            problems.append(str(error))
            continue
        (target / f"{runs[record.path]}.config.txt").write_bytes(content)
        having.add(record.path)
    return having


def gallery(part: Part, site: Site, folder: Path, problems: list[str]) -> dict[str, list[Case]]:
    """The cases of each backbone's first seed; a spoilt gallery is added to the problems."""
    found = {}
    for result in part.results:
        runs = [record for record in part.records if record.backbone == result.backbone]
        first = min(runs, key=lambda record: record.seed)
        try:
            shown = cases(first, site.runs[first.path], folder)
        except (FileNotFoundError, ValueError) as error:
            problems.append(str(error))
            continue
        if shown:
            found[result.backbone] = shown
    return found


def scores_by_setting(by_task: Mapping[str, Sequence[Part]]) -> dict[Setting, list[Scores]]:
    """The scores of all tasks by setting, the most telling one first."""
    found: dict[Setting, list[Scores]] = {}
    for part in (part for some in by_task.values() for part in some):
        found.setdefault(part.setting, []).extend(part.scores)
    return dict(sorted(found.items(), key=lambda item: order(item[0])))


def plot(part: Part) -> list[dict[str, Any]]:
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
