"""Records to a site: which pages there are, and the files beside them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.agreement import Setting, grouped
from reports.leaderboard import order
from reports.records import Record
from reports.scores import Scores
from reports.site import comparisons, index, rendering
from reports.site.addresses import addresses
from reports.site.backbone import facts
from reports.site.cases import Case, cases
from reports.site.figures import draw
from reports.site.results import Part, parts
from reports.wording import detail

HERE = Path(__file__).parent
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
        records: that agree with each other.
        pretraining: work folders of pretraining runs.
        folder: an empty one.
        progress: wraps what takes long, given its name.

    Returns:
        A sentence for each thing that could not be shown: spoilt galleries, figures that cannot be drawn.

    Raises:
        OSError, ValueError: if the site cannot be written, or records cannot be read again.
    """
    copy_static(folder)
    site = plan(records)
    copy_records(site, folder, progress)
    problems: list[str] = []
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


def plan(records: Sequence[Record]) -> Site:
    """Which pages there are, and where."""
    ordered = sorted(
        records, key=lambda r: (r.backbone, r.task, r.profile, r.label_fraction, r.seed)
    )
    return Site(
        records=ordered,
        tasks=addresses(record.task for record in records),
        backbones=addresses(record.backbone for record in records),
        runs=run_addresses(ordered),
        configs={record.path for record in records if config(record).is_file()},
        footer=index.footer(records),
    )


def run_addresses(records: Sequence[Record]) -> dict[Path, str]:
    """The address of each record's copy: its run's identity, with the place of the file where two runs share one."""
    shared = {some[0].run for some in grouped(records, lambda record: record.run) if len(some) > 1}
    names = {r.path: f"{r.run}/{r.path}" if r.run in shared else r.run for r in records}
    known = addresses(names.values())
    return {path: known[name] for path, name in names.items()}


def config(record: Record) -> Path:
    """Where the config of a run is, if it left one."""
    return record.path.with_name("config.py")


def copy_static(folder: Path) -> None:
    """Copy styles, scripts, and the libraries with their licences."""
    (folder / "static").mkdir()
    for source in ("static", "vendor"):
        for path in sorted((HERE / source).iterdir()):
            shutil.copyfile(path, folder / "static" / path.name)


def copy_records(site: Site, folder: Path, progress: Progress) -> None:
    """Copy every record and config, under names that no reader of results takes for a run."""
    target = folder / "records"
    target.mkdir()
    for record in progress(site.records, "records"):
        shutil.copyfile(record.path, target / f"{site.runs[record.path]}.json")
        if record.path in site.configs:
            shutil.copyfile(config(record), target / f"{site.runs[record.path]}.config.txt")


def gallery(part: Part, site: Site, folder: Path, problems: list[str]) -> dict[str, list[Case]]:
    """The cases of each backbone's first seed; a spoilt gallery is added to the problems."""
    found = {}
    for result in part.results:
        runs = [record for record in part.records if record.backbone == result.backbone]
        first = min(runs, key=lambda record: record.seed)
        try:
            shown = cases(first, site.runs[first.path], folder)
        except ValueError as error:
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
