"""What the pages of a site say: the first page, the line of a task, the provenance of a backbone, plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvmmed_backbones.records import StoredRecord
from reports.analysis.leaderboard import Leaderboard
from reports.reading.consistency import is_random
from reports.reading.metrics import metric_name
from reports.reading.seen import SeenByCell
from reports.render.site.boards import metric_boards
from reports.render.site.results import TaskResults
from reports.render.text.leaderboard_text import (
    condition_title,
    condition_warnings,
    describe_machine,
    describe_revision,
    plural,
    pretraining_notes,
    split_notes,
)
from reports.render.text.seen_text import seen_notes

READING = (
    "Mean rank: over the tasks that most rows of the group have; 1 is best, ties share the average. A backbone that "
    "lacks one of these tasks is not ranked and stands below.",
    "Norm. score: mean over the same tasks of a backbone's place between the worst (0) and the best (100) of each.",
    "Groups are never mixed: figures of another kind, profile, share of labels or protocol have ranks of their own.",
    "Published figures are the paper's, as printed; they can be compared with the profile paper and all labels only.",
    "Task columns: percent, mean ± sample standard deviation over seeds; bold: best of its group; † incomplete data.",
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes
    ----------
    records : list of StoredRecord
        Records that are shown, by backbone, task and seed.
    runs_of : dict of str to list of StoredRecord
        The records of each backbone.
    tasks, backbones : dict of str to str
        Address of the page of each task and backbone.
    runs : dict of Path to str
        Address of each record's copy, by its path.
    configs : set of Path
        Paths of the records that have a config beside them.
    """

    records: list[StoredRecord]
    runs_of: dict[str, list[StoredRecord]]
    tasks: dict[str, str]
    backbones: dict[str, str]
    runs: dict[Path, str]
    configs: set[Path]

    @property
    def footer(self) -> str:
        """A sentence on what the site was made from."""
        latest = max(record.provenance.started for record in self.records)
        number = plural(len(self.records), "record")
        return f"Made from {number}, the latest run started {latest[:16].replace('T', ' ')}."


def index_content(
    site: Site,
    by_task: Mapping[str, Sequence[TaskResults]],
    first: Leaderboard,
    seen: SeenByCell,
    problems: list[str],
) -> dict[str, Any]:
    """What the template of the first page needs; an undefined metric of a record becomes a problem.

    `first` is the leaderboard of the first condition.
    """
    records = site.records
    boards, undefined = metric_boards(records, seen)
    problems += undefined
    numbers = {
        "backbone": len(site.backbones),
        "task": len(site.tasks),
        "run": len(records),
    }
    return {
        "lead": _lead(first),
        "alerts": condition_warnings(first.condition),
        "counts": [
            *((number, plural(number, word).partition(" ")[2]) for word, number in numbers.items()),
            (sum(r.data_source == "measured" for r in records), "of them on real images"),
        ],
        "boards": boards,
        "notes": [
            *READING,
            *seen_notes(seen.values()),
            *pretraining_notes(records),
            *split_notes(records),
        ],
        "by_task": by_task,
    }


def _lead(board: Leaderboard) -> str:
    """A sentence or two on the backbone that leads a condition."""
    where, tasks = condition_title(board.condition), plural(board.ranked, "task")
    ranked = board.mean_rank.dropna()
    if ranked.empty:
        return f"{where}: no backbone has run all of the tasks, so none leads overall."
    left = len(board.missing)
    others = f" {plural(left, 'other')} lack{'s' * (left == 1)} some of them." if left else ""
    if len(ranked) == 1:
        alone = f"only {ranked.index[0]} has run all tasks ({board.ranked})"
        return f"{where}: {alone}, so there is nothing to compare it with.{others}"
    best = ranked.min()
    if best == ranked.max():
        return f"{where}: none of {len(ranked)} backbones leads. Their mean ranks over {tasks} are equal.{others}"
    leaders = [str(name) for name in ranked.index[ranked == best]]
    verb = "leads" if len(leaders) == 1 else "lead"
    return (
        f"{where}: {' and '.join(leaders)} {verb} {len(ranked)} backbones with a mean rank of {best:.2f} over {tasks}."
        f"{others} The pages of the tasks, and the comparison, say whether a lead is more than chance."
    )


def task_line(results: Sequence[TaskResults]) -> str:
    """A task in a line: kind, metric, test images, backbones."""
    record = results[0].results[0].runs[0]
    images = record.data.counts.get("test")
    number = len({result.backbone for part in results for result in part.results})
    parts = [
        record.kind,
        metric_name(record.metric),
        *([plural(images, "test image")] if images else []),
        plural(number, "backbone"),
    ]
    return ", ".join(parts)


def backbone_facts(runs: Sequence[StoredRecord]) -> list[tuple[str, list[str]]]:
    """The provenance of a backbone, from all of its runs: names of facts, and each value that a run states."""
    by_seed = sorted(runs, key=lambda r: r.backbone.pretraining_seed or 0)
    started = [run.provenance.started for run in runs]
    versions = [", ".join(f"{n} {v}" for n, v in r.provenance.versions.items()) for r in runs]
    sizes = [
        f"{r.backbone.architecture}, {r.backbone.parameters / 1e6:.1f} M parameters" for r in runs
    ]
    facts = {
        "Architecture": sizes,
        "Method": [r.backbone.method for r in runs],
        "Pretraining data": [r.backbone.corpus for r in runs],
        "Declared as seen": map(_describe_seen, by_seed),
        "Weights": map(_describe_weights, by_seed),
        "Runs": [f"{len(runs)}, of {plural(len({r.task for r in runs}), 'task')}"],
        "Started": [f"{min(started)} to {max(started)}"],
        "Machines": map(describe_machine, runs),
        "Versions": versions,
        "Code": [describe_revision(r.provenance.git_revision) for r in runs],
    }
    return [(name, list(dict.fromkeys(values))) for name, values in facts.items()]


def _describe_seen(run: StoredRecord) -> str:
    """What is declared of the images that a run's backbone was pretrained on."""
    pretraining = run.backbone.pretraining
    if pretraining is None:
        return "no image: random" if is_random(run.backbone) else "not declared"
    parts = [", ".join(pretraining.data_sets) or "no image"]
    if pretraining.started_from:
        parts.append(f"started from {', '.join(pretraining.started_from)}")
    if pretraining.corpora:
        parts.append(f"audited as {', '.join(corpus[:16] for corpus in pretraining.corpora)}")
    return "; ".join(parts)


def _describe_weights(run: StoredRecord) -> str:
    """The weights that a run began with."""
    backbone = run.backbone
    if backbone.weights_sha256 is None:
        return "none: random" if is_random(backbone) else "of a network whose file is not known"
    seed = (
        ""
        if backbone.pretraining_seed is None
        else f"pretraining seed {backbone.pretraining_seed}: "
    )
    return f"{seed}sha256:{backbone.weights_sha256}"


def plot_data(part: TaskResults) -> list[dict[str, Any]]:
    """What the plot of a task's results shows: percentages."""
    return [
        {
            "backbone": r.backbone,
            "mean": 100 * r.mean,
            "low": 100 * r.interval.low if r.interval else None,
            "high": 100 * r.interval.high if r.interval else None,
            "seeds": [100 * value for value in r.seeds.values()],
        }
        for r in part.results
    ]
