"""What the first page says: who leads, from how much, and where to look further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lvmmed_backbones.records import StoredRecord
from reports.analysis.leaderboard import Leaderboard
from reports.metrics import metric_name
from reports.render.site.boards import metric_boards
from reports.render.site.results import TaskResults
from reports.wording import condition_title, condition_warnings, describe_backbone, plural

if TYPE_CHECKING:
    from reports.render.site.build import Site

READING = (
    "Mean rank: over the tasks that most rows of the group have; 1 is best, ties share the average. A backbone that "
    "lacks one of these tasks is not ranked and stands below.",
    "Norm. score: mean over the same tasks of a backbone's place between the worst (0) and the best (100) of each.",
    "Groups are never mixed: figures of another kind, profile, share of labels or protocol have ranks of their own.",
    "Published figures are the paper's, as printed; they can be compared with the profile paper and all labels only.",
    "Task columns: percent, mean ± sample standard deviation over seeds; bold: best of its group; † incomplete data.",
)  # fmt: skip


def index_content(
    site: Site,
    by_task: Mapping[str, Sequence[TaskResults]],
    first: Leaderboard,
    problems: list[str],
) -> dict[str, Any]:
    """What the template of the first page needs; what cannot be shown is added to the problems.

    Parameters
    ----------
    first : Leaderboard
        The most telling leaderboard.
    """
    records = site.records
    shown, undefined = metric_boards(records)
    problems += undefined
    return {
        "lead": lead(first),
        "alerts": condition_warnings(first.condition),
        "counts": index_counts(records),
        "boards": shown,
        "notes": READING,
        "tasks": [
            {
                "name": task, "address": address, "what": task_line(by_task[task]),
                "data_sources": data_sources(by_task[task]),
            }
            for task, address in site.tasks.items()
        ],
        "backbones": [
            {
                "name": backbone, "address": address,
                "what": describe_backbone(site.runs_of[backbone][0].backbone),
                "data_sources": sorted({run.data_source for run in site.runs_of[backbone]}),
            }
            for backbone, address in site.backbones.items()
        ],
    }  # fmt: skip


def lead(board: Leaderboard) -> str:
    """Who leads a condition, in a sentence or two."""
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


def index_counts(records: Sequence[StoredRecord]) -> list[tuple[int, str]]:
    """How much there is."""
    numbers = {
        "backbone": len({r.backbone.name for r in records}),
        "task": len({r.task for r in records}),
        "run": len(records),
    }
    return [
        *((number, plural(number, word).partition(" ")[2]) for word, number in numbers.items()),
        (sum(r.data_source == "measured" for r in records), "of them on real images"),
    ]


def task_line(some: Sequence[TaskResults]) -> str:
    """A task in a line: kind, metric, test images, backbones."""
    one = some[0].runs[0][0]
    images = one.data.counts.get("test")
    number = len({result.backbone for part in some for result in part.results})
    words = [one.kind, metric_name(one.metric), plural(number, "backbone")]
    if images:
        words.insert(2, plural(images, "test image"))
    return ", ".join(words)


def data_sources(some: Sequence[TaskResults]) -> list[str]:
    """Where the scores of a task come from."""
    return list(dict.fromkeys(part.data_source for part in some))


def footer(records: Sequence[StoredRecord]) -> str:
    """What the site was made from."""
    latest = max(record.provenance.started for record in records)
    return f"Made from {plural(len(records), 'record')}, the latest run started {latest[:16].replace('T', ' ')}."
