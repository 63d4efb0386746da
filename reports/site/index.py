"""What the first page says: who leads, from how much, and where to look further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reports.leaderboard import leaderboards
from reports.records import Record
from reports.site.boards import METRICS, boards
from reports.site.results import Part
from reports.wording import detail, plural, title, warnings

if TYPE_CHECKING:
    from reports.site.build import Site

READING = (
    "Mean rank: over the tasks that all backbones of the group have been run on; 1 is best, ties share the average.",
    "Norm. score: mean over the same tasks of a backbone's place between the worst (0) and the best (100) of each.",
    "Groups are never mixed: figures of another kind, profile, share of labels or protocol have ranks of their own.",
    "Published figures are the paper's, as printed; they can be compared with the profile paper and all labels only.",
    "Task columns: percent, mean ± sample standard deviation over seeds; bold: best of its group; † incomplete data.",
)  # fmt: skip


def content(
    site: Site, by_task: Mapping[str, Sequence[Part]], problems: list[str]
) -> dict[str, Any]:
    """What the template of the first page needs; what cannot be shown is added to the problems."""
    records = site.records
    first = leaderboards(records)[0]
    shown, undefined = boards(records)
    problems += undefined
    return {
        "lead": lead(records),
        "alerts": warnings(first.setting),
        "counts": counts(records),
        "boards": shown,
        "notes": READING,
        "tasks": [
            {"name": task, "address": address, "what": task_line(by_task[task]), "figures": figures(by_task[task])}
            for task, address in site.tasks.items()
        ],
        "backbones": [
            {
                "name": backbone, "address": address,
                "what": detail(next(r for r in records if r.backbone == backbone)),
                "figures": sorted({r.figure for r in records if r.backbone == backbone}),
            }
            for backbone, address in site.backbones.items()
        ],
    }  # fmt: skip


def lead(records: Sequence[Record]) -> str:
    """Who leads the most telling setting, in a sentence or two."""
    board = leaderboards(records)[0]
    best = board.mean_rank.min()
    leaders = [str(name) for name in board.mean_rank.index[board.mean_rank == best]]
    where = title(board.setting)
    if not leaders:
        return f"{where}: no task was run with all backbones, so none leads overall."
    if len(board.mean_rank) == 1:
        return f"{where}: {leaders[0]} alone was run, so there is nothing to compare it with."
    verb = "leads" if len(leaders) == 1 else "lead"
    return (
        f"{where}: {' and '.join(leaders)} {verb} {len(board.mean_rank)} backbones with a mean rank of {best:.2f} "
        f"over {plural(board.ranked, 'task')}. Whether a lead is more than chance is for the comparison to say."
    )


def ordered_backbones(records: Sequence[Record]) -> list[str]:
    """All backbones, those that lead first."""
    ranked = [str(name) for board in leaderboards(records) for name in board.mean_rank.index]
    return list(dict.fromkeys(ranked))


def counts(records: Sequence[Record]) -> list[tuple[int, str]]:
    """How much there is."""
    numbers = {
        "backbone": len({r.backbone for r in records}),
        "task": len({r.task for r in records}),
        "run": len(records),
    }
    return [
        *((number, plural(number, word).partition(" ")[2]) for word, number in numbers.items()),
        (sum(r.figure == "measured" for r in records), "of them on real images"),
    ]


def task_line(some: Sequence[Part]) -> str:
    """A task in a line: kind, metric, test images, backbones."""
    one = some[0].records[0]
    images = one.counts.get("test")
    number = len({result.backbone for part in some for result in part.results})
    words = [one.kind, METRICS.get(one.metric, one.metric), plural(number, "backbone")]
    if images:
        words.insert(2, plural(images, "test image"))
    return ", ".join(words)


def figures(some: Sequence[Part]) -> list[str]:
    """Which kinds of figures a task has."""
    return list(dict.fromkeys(part.figure for part in some))


def footer(records: Sequence[Record]) -> str:
    """What the site was made from."""
    latest = max(record.started for record in records)
    return f"Made from {plural(len(records), 'record')}, the latest run started {latest[:16].replace('T', ' ')}."
