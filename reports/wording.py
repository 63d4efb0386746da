"""What a leaderboard says, in words and rounded figures: the same in every form that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition
from reports.analysis.leaderboard import COLUMN, Leaderboard
from reports.metrics import metric_name

LEADERBOARD_TITLE = "Leaderboard of backbones"
PHANTOM = "PHANTOM: says nothing about medicine. Synthetic images that only exercise the code."
DAGGER = "†"
NOTHING = "–"
SPLITS = ("train", "valid", "test")  # of a record's counts, which may count patients, too


@dataclass(frozen=True)
class ScoreText:
    """A figure in percent, such as 71.2 ± 1.3 (n=2)†, in its parts.

    Attributes
    ----------
    mean : str
        Over seeds.
    spread : str
        Their sample standard deviation; empty for one seed.
    seeds : str
        How many, where not all cells of the table have the same; else empty.
    best : bool
        Whether the mean is the best of its column.
    incomplete : bool
        Whether images of the data set are missing.
    """

    mean: str
    spread: str
    seeds: str
    best: bool
    incomplete: bool

    def __str__(self) -> str:
        return self.mean + self.rest

    @property
    def rest(self) -> str:
        """All but the mean."""
        spread = f" ± {self.spread}" if self.spread else ""
        seeds = f" ({self.seeds})" if self.seeds else ""
        return spread + seeds + (DAGGER if self.incomplete else "")


@dataclass(frozen=True)
class TaskColumn:
    """A task, and under it in which metric and how the backbone is used."""

    task: str
    caption: str


@dataclass(frozen=True)
class BackboneRow:
    """A backbone: its name, what it is, its mean rank and normalised score, and a cell per column
    (None: not run)."""

    backbone: str
    detail: str
    mean_rank: str
    score: str
    cells: list[ScoreText | None]


@dataclass(frozen=True)
class LeaderboardText:
    """A leaderboard, ready to be set: title, warnings above the table, rows, notes below it."""

    title: str
    phantom: bool
    warnings: list[str]
    rank_caption: str
    columns: list[TaskColumn]
    rows: list[BackboneRow]
    notes: list[str] = field(default_factory=list)


def leaderboard_text(board: Leaderboard) -> LeaderboardText:
    """A leaderboard in words."""
    cells, uniform = board.cells, board.cells["seeds"].nunique() == 1
    columns = list(dict.fromkeys(cells[COLUMN].itertuples(index=False, name=None)))
    by_place = {(c.kind, c.task, c.protocol, c.backbone): c for c in cells.itertuples()}
    facts = {c.backbone: c for c in cells.itertuples()}
    metrics = {(c.kind, c.task, c.protocol): c.metric for c in cells.itertuples()}
    return LeaderboardText(
        title=condition_title(board.condition)
        + (f", {metric_name(board.metric)}" if board.metric else ""),
        phantom=board.condition.data_source == "phantom",
        warnings=condition_warnings(board.condition),
        rank_caption=plural(board.ranked, "task"),
        columns=[TaskColumn(c[1], f"{metric_name(metrics[c])}, {c[2]}") for c in columns],
        rows=[
            BackboneRow(
                name,
                describe_backbone(facts[name]),
                rank_text(board, str(name), mean_rank),
                NOTHING if pd.isna(board.score[name]) else f"{100 * board.score[name]:.1f}",
                [score_text(by_place.get((*c, name)), uniform) for c in columns],
            )
            for name, mean_rank in board.mean_rank.items()
        ],
        notes=leaderboard_notes(board, len(columns)),
    )


def rank_text(board: Leaderboard, backbone: str, mean_rank: float) -> str:
    """The mean rank of a backbone, or why it has none."""
    if backbone in board.missing:
        return f"{board.missing[backbone]} of {plural(board.ranked, 'task')}, not ranked"
    return NOTHING if pd.isna(mean_rank) else f"{mean_rank:.2f}"


def condition_title(condition: Condition) -> str:
    """What the figures of a table have in common."""
    source = "Measured on real images" if condition.data_source == "measured" else "Phantoms"
    share = condition.label_fraction
    labels = "all labels" if share == 1 else f"{100 * share:.3g} % of the labels"
    split = "" if condition.split == "published" else f", {condition.split} split"
    return f"{source}, profile {condition.profile}, {labels}{split}"


def condition_warnings(condition: Condition) -> list[str]:
    """What a reader must know before the figures."""
    said = [PHANTOM] if condition.data_source == "phantom" else []
    if condition.profile != "paper":
        said.append(
            f"Profile {condition.profile}: smaller than the paper's experiments, "
            "not to be compared with published figures."
        )
    return said


def score_text(figure: Any | None, uniform: bool) -> ScoreText | None:
    """A figure in percent; None where there is none. `uniform`: all cells have the same seeds."""
    if figure is None:
        return None
    return ScoreText(
        mean=f"{100 * figure.mean:.1f}",
        spread="" if pd.isna(figure.std) else f"{100 * figure.std:.1f}",
        seeds="" if uniform else f"n={figure.n}",
        best=bool(figure.best),
        incomplete=not figure.complete,
    )


def describe_backbone(backbone: Any) -> str:
    """What a backbone is, in a line."""
    size = f"{backbone.parameters / 1e6:.1f} M"
    return f"{backbone.architecture}, {size}; {backbone.method} on {backbone.corpus}"


def leaderboard_notes(board: Leaderboard, columns: int) -> list[str]:
    """What a reader must know to judge the figures: statistics, data, machines, versions."""
    incomplete = board.cells.loc[~board.cells["complete"], "dataset"].unique()
    said = [spread_note(board.cells), *pretraining_note(board.records)]
    said.append(rank_note(board, columns))
    if board.score.notna().any():
        said.append(
            "Score: mean over the same tasks of 0 (worst mean of a ranked row) to 100 (best)."
        )
    if board.cells["best"].any():
        said.append("Bold: the best of its column.")
    if len(board.cells) < columns * len(board.mean_rank):
        said.append(f"{NOTHING} no run.")
    if len(incomplete):
        said.append(
            f"{DAGGER} incomplete data set: images of the published one are missing "
            f"in {', '.join(sorted(incomplete))}."
        )
    return said + provenance_notes(board.records)


def spread_note(cells: pd.DataFrame) -> str:
    """What a cell shows, and over which seeds."""
    seeds = sorted({seed for some in cells["seeds"] for seed in some})
    named = ", ".join(map(str, seeds))
    if len(seeds) == 1:
        return f"Percent; one seed ({named}), so no spread."
    if cells["seeds"].nunique() == 1:
        return f"Percent: mean ± sample standard deviation over {len(seeds)} seeds ({named})."
    return f"Percent: mean ± sample standard deviation over n of the seeds {named}; none for n=1."


def pretraining_note(records: Sequence[StoredRecord]) -> list[str]:
    """Of which backbones a seed is of the pretraining, too; nothing if of none."""
    names = sorted({r.backbone.name for r in records if r.backbone.pretraining_seed is not None})
    if not names:
        return []
    return [f"Each seed has a pretraining of its own: {', '.join(names)}."]


def rank_note(board: Leaderboard, columns: int) -> str:
    """Over what the mean rank is taken, and of which rows."""
    if not board.ranked or len(board.missing) == len(board.mean_rank):
        return (
            "No mean rank: no backbone has run all of the tasks. Name those that count with --task."
        )
    number = plural(board.ranked, "task")
    which = "" if board.ranked == columns else f" of {columns}, those that most rows have"
    left = " Rows that lack one of them are not ranked." if board.missing else ""
    return f"Mean rank over {number}{which}: 1 is best, ties share the average rank.{left}"


def plural(number: int, word: str) -> str:
    """A number of things."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def provenance_notes(records: Sequence[StoredRecord]) -> list[str]:
    """Versions of tasks, images, machines, packages and code that the figures come from, each said once."""
    by_task = sorted(records, key=lambda r: r.task)
    tasks = dict.fromkeys(f"{r.task} {r.task_version}" for r in by_task)
    images = dict.fromkeys(
        f"{r.task} {' + '.join(f'{n} {split}' for split, n in r.data.counts.items() if split in SPLITS)}"
        for r in by_task
    )
    machines = dict.fromkeys(describe_machine(r) for r in records)
    versions: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in record.provenance.versions.items():
            versions.setdefault(name, {})[str(version)] = None
    packages = (f"{name} {' and '.join(numbers)}" for name, numbers in versions.items())
    revisions = dict.fromkeys(describe_revision(r.provenance.git_revision) for r in records)
    return [
        f"Task versions: {', '.join(tasks)}.",
        f"Images: {'; '.join(images)}.",
        f"{'Machines' if len(machines) > 1 else 'Machine'}: {'; '.join(machines)}.",
        f"Versions: {', '.join(packages)}.",
        f"Code: {', '.join(revisions)}.",
    ]


def describe_machine(record: StoredRecord) -> str:
    """The machine of a run in a line; what the record leaves out is left out."""
    facts = record.provenance.machine
    words = [
        facts.get("cpu"),
        facts.get("cores") and plural(facts["cores"], "core"),
        facts.get("memory_gb") and f"{facts['memory_gb']} GB memory",
        facts.get("gpu") or "no GPU",
        plural(record.threads, "thread") + " per run",
        facts.get("platform"),
    ]
    return ", ".join(str(word) for word in words if word)


def describe_revision(commit: str | None) -> str:
    """A commit, short; '+' behind it means that code differed from it."""
    if commit is None:
        return "commit unknown"
    changed = " with changes" if commit.endswith("+") else ""
    return f"commit {commit.removesuffix('+')[:10]}{changed}"
