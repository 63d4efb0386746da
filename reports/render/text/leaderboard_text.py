"""What a leaderboard says, in words and rounded figures: the same in every form that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from lvmmed_backbones.records import SUITE, StoredRecord
from reports.analysis.leaderboard import Leaderboard, column_order, with_best
from reports.published.layout import UNPUBLISHED_SPLITS
from reports.reading.consistency import Condition, single_networks
from reports.reading.metrics import describe_metric, metric_name, value_text
from reports.reading.seen import told
from reports.render.text.seen_text import mark_of, seen_notes, seen_words

if TYPE_CHECKING:
    from reports.render.text.leads_text import LeadsText
    from reports.render.text.leaked_text import LeakedText

LEADERBOARD_TITLE = "Leaderboard of backbones"
PHANTOM = "PHANTOM: says nothing about medicine. Synthetic images that only exercise the code."
OWN_PROTOCOLS = "Recipe suite: near the authors' protocols, not theirs, so no difference to published figures is shown."
PUBLISHED_TITLE = "Published by the paper's authors (arXiv 2306.11925)"
PUBLISHED_WARNING = (
    "PUBLISHED: printed in the paper, not measured here. To be compared with the profile paper and "
    "all labels only."
)
ONE_PRETRAINING = "One network each, so spreads and verdicts say nothing of other pretrainings:"
UNSEEN = ", on the test cases that none of these backbones is known to have seen"
DAGGER = "†"
NOTHING = "–"
SPLITS = ("train", "valid", "test")  # a record may count patients, too


@dataclass(frozen=True)
class ScoreText:
    """A figure of a table, such as 71.2 ± 1.3 (n=2)† ●, and the marks of its mean.

    Attributes
    ----------
    mean, rest : str
        The mean, and all that follows it but the last mark.
    bold, underlined : bool
        Marks of the mean, where it is the best of some others.
    mark, seen : str
        What the backbone has seen of the task's images: a mark, and the same in words; empty where nothing is said.
    """

    mean: str
    rest: str
    bold: bool
    underlined: bool = False
    mark: str = ""
    seen: str = ""

    def __str__(self) -> str:
        return self.mean + self.tail

    @property
    def tail(self) -> str:
        """All that follows the mean."""
        return f"{self.rest} {self.mark}" if self.mark else self.rest


@dataclass(frozen=True)
class BackboneRow:
    """A row: a backbone, its mean rank and normalised score, and a cell per column (None: not run)."""

    backbone: str
    mean_rank: str
    score: str
    cells: list[ScoreText | None]


@dataclass(frozen=True)
class LeaderboardText:
    """A leaderboard in words: title, warnings above the table, columns, rows, notes below it; then leaks, then leads.

    A column is its task, and below it the metric and the protocol.
    """

    title: str
    phantom: bool
    warnings: list[str]
    rank_caption: str
    columns: list[tuple[str, str]]
    rows: list[BackboneRow]
    notes: list[str]
    leads: LeadsText | None = None
    leaked: LeakedText | None = None


def leaderboard_text(
    board: Leaderboard,
    leads: LeadsText | None = None,
    leaked: LeakedText | None = None,
    notes: Sequence[str] = (),
) -> LeaderboardText:
    """A leaderboard in words, perhaps with how sure the best are, scores without seen test images, and more notes."""
    columns, scores = _columns_and_scores(board.cells, told(board.seen.values()))
    metric = f", {metric_name(board.metric)}" if board.metric else ""
    return LeaderboardText(
        title=condition_title(board.condition) + metric + (UNSEEN if board.unseen_cases else ""),
        phantom=board.condition.data_source == "phantom",
        warnings=condition_warnings(board.condition),
        rank_caption=plural(board.ranked, "task"),
        columns=columns,
        rows=[
            BackboneRow(
                name,
                rank_text(board, name),
                NOTHING if pd.isna(board.score[name]) else f"{100 * board.score[name]:.1f}",
                scores[name],
            )
            for name in board.mean_rank.index
        ],
        notes=[*notes, *leaderboard_notes(board, len(columns))],
        leads=leads,
        leaked=leaked,
    )


def published_text(cells: pd.DataFrame) -> LeaderboardText:
    """The published figures in words, in the paper's order; without ranks, since few rows have the same tasks.

    `cells` come from `reports.analysis.leaderboard.published_cells`.
    """
    cells = with_best(cells)
    columns, scores = _columns_and_scores(cells)
    bold = ["Bold: the best published of its column."] if cells["best"].any() else []
    return LeaderboardText(
        title=PUBLISHED_TITLE,
        phantom=False,
        warnings=[PUBLISHED_WARNING],
        rank_caption=NOTHING,
        columns=columns,
        rows=[BackboneRow(name, NOTHING, NOTHING, scores[name]) for name in scores],
        notes=["Percent: mean ± standard deviation over the paper's trials, as printed.", *bold],
    )


def _columns_and_scores(
    cells: pd.DataFrame, marked: bool = False
) -> tuple[list[tuple[str, str]], dict[str, list[ScoreText | None]]]:
    """The columns of a table, and the scores of each backbone in these columns; `marked` as in `score_text`."""
    uniform = same_seeds(cells)
    texts = {
        (cell.kind, cell.task, cell.protocol, cell.backbone): score_text(cell, uniform, marked)
        for cell in cells.itertuples()
    }
    metrics = {(c.kind, c.task, c.protocol): metric_name(c.metric) for c in cells.itertuples()}
    keys = sorted(metrics, key=column_order)
    columns = [(key[1], f"{metrics[key]}, {key[2]}") for key in keys]
    backbones = dict.fromkeys(cells["backbone"])
    return columns, {name: [texts.get((*key, name)) for key in keys] for name in backbones}


def same_seeds(cells: pd.DataFrame) -> bool:
    """Whether all cells of a table have the same seeds."""
    return cells["seeds"].nunique() == 1


def score_text(cell: Any, uniform: bool, marked: bool = False) -> ScoreText:
    """The score of a leaderboard's cell.

    Parameters
    ----------
    uniform : bool
        Whether all cells of the table have the same seeds.
    marked : bool
        Whether marks tell what backbones have seen.
    """
    spread = "" if pd.isna(cell.std) else f" ± {value_text(cell.metric, cell.std)}"
    seeds = "" if uniform else f" (n={cell.n})"
    rest = spread + seeds + ("" if cell.complete else DAGGER)
    state = cell.seen if marked else None
    return ScoreText(
        value_text(cell.metric, cell.mean),
        rest,
        bool(cell.best),
        mark=mark_of(state),
        seen=seen_words(state, cell.leaked_cases, cell.test_cases) if state else "",
    )


def rank_text(board: Leaderboard, backbone: str) -> str:
    """The mean rank of a backbone, or why it has none."""
    if backbone in board.missing:
        return f"{board.missing[backbone]} of {plural(board.ranked, 'task')}, not ranked"
    mean_rank = board.mean_rank[backbone]
    return NOTHING if pd.isna(mean_rank) else f"{mean_rank:.2f}"


def condition_title(condition: Condition) -> str:
    """A condition in words."""
    source = "Measured on real images" if condition.data_source == "measured" else "Phantoms"
    share = condition.label_fraction
    labels = "all labels" if share == 1 else f"{100 * share:.3g} % of the labels"
    split = "" if condition.split == "published" else f", {condition.split} split"
    recipe = "" if condition.recipe == SUITE else f", recipe {condition.recipe}"
    changed = f", with {condition.overrides}" if condition.overrides else ""
    return f"{source}, profile {condition.profile}{recipe}, {labels}{split}{changed}"


def condition_warnings(condition: Condition) -> list[str]:
    """Sentences that a reader needs before the scores of a condition."""
    warnings = [PHANTOM] if condition.data_source == "phantom" else []
    if condition.profile != "paper":
        what = "probes of frozen features, not" if condition.profile == "probe" else "smaller than"
        warnings.append(
            f"Profile {condition.profile}: {what} the paper's experiments, "
            "not to be compared with published figures."
        )
    elif condition.recipe == SUITE or condition.overrides:
        warnings.append(OWN_PROTOCOLS)
    return warnings


def describe_backbone(backbone: Any) -> str:
    """Architecture, size, method and corpus of a backbone in a line."""
    size = f"{backbone.parameters / 1e6:.1f} M"
    return f"{backbone.architecture}, {size}; {backbone.method} on {backbone.corpus}"


def leaderboard_notes(board: Leaderboard, columns: int) -> list[str]:
    """Sentences that a reader needs to judge the scores: statistics, data, machines, versions."""
    incomplete = board.cells.loc[~board.cells["complete"], "dataset"].unique()
    notes = {
        _spread_note(board.cells): True,
        **dict.fromkeys(pretraining_notes(board.records), True),
        **dict.fromkeys(split_notes(board.records), True),
        _rank_note(board, columns): True,
        "Score: mean over the same tasks of 0 (worst mean of a ranked row) to 100 (best).": (
            board.score.notna().any()
        ),
        _bold_note(board.cells): board.cells["best"].any(),
        **dict.fromkeys(seen_notes(board.seen.values()), True),
        f"{NOTHING} no run.": len(board.cells) < columns * len(board.mean_rank),
        f"{DAGGER} incomplete data set: images of the published one are missing "
        f"in {', '.join(sorted(incomplete))}.": len(incomplete),
    }
    return [*(note for note, applies in notes.items() if applies), *provenance_notes(board.records)]


def pretraining_notes(records: Iterable[StoredRecord]) -> list[str]:
    """Which backbones have a pretraining for each seed, and which are one network that says nothing of others."""
    records = list(records)
    several = sorted({r.backbone.name for r in records if r.backbone.pretraining_seed is not None})
    notes = {
        f"Each seed has a pretraining of its own: {listed_names(several)}.": several,
        f"{ONE_PRETRAINING} {listed_names(single_networks(records))}.": single_networks(records),
    }
    return [note for note, names in notes.items() if names]


def split_notes(records: Iterable[StoredRecord]) -> list[str]:
    """Which tasks have a split of the suite's, since the paper's is not published: no sentence, or one."""
    tasks = sorted({r.task for r in records if (r.dataset, r.kind) in UNPUBLISHED_SPLITS})
    words = "Split by this suite, since the paper's authors published no split"
    return [f"{words}: {listed_names(tasks)}."] if tasks else []


def listed_names(names: Sequence[str], most: int = 20) -> str:
    """The first names of a sorted list, and how many more there are."""
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _bold_note(cells: pd.DataFrame) -> str:
    """What is bold, and in which metrics it is the least."""
    errors = {m for m in cells["metric"] if describe_metric(m).less_is_better}
    least = f" Less {metric_name(min(errors))} is better." if errors else ""
    return f"Bold: the best of its column.{least}"


def _spread_note(cells: pd.DataFrame) -> str:
    """What a cell shows, and over which seeds."""
    percent = all(describe_metric(metric).percent for metric in cells["metric"].unique())
    unit = "Percent" if percent else "In the metric's own unit"
    seeds = sorted(set().union(*cells["seeds"]))
    numbers = ", ".join(map(str, seeds))
    if len(seeds) == 1:
        return f"{unit}; one seed ({numbers}), so no spread."
    if same_seeds(cells):
        return f"{unit}: mean ± sample standard deviation over {len(seeds)} seeds ({numbers})."
    return f"{unit}: mean ± sample standard deviation over n of the seeds {numbers}; none for n=1."


def _rank_note(board: Leaderboard, columns: int) -> str:
    """The tasks that the mean rank is taken over, and the rows that have none."""
    if not board.ranked or len(board.missing) == len(board.mean_rank):
        return (
            "No mean rank: no backbone has run all of the tasks. Name those that count with --task."
        )
    number = plural(board.ranked, "task")
    which = "" if board.ranked == columns else f" of {columns}, those that most rows have"
    unranked = " Rows that lack one of them are not ranked." if board.missing else ""
    return f"Mean rank over {number}{which}: 1 is best, ties share the average rank.{unranked}"


def plural(number: int, word: str) -> str:
    """A number of things, such as '2 tasks'."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def provenance_by_condition(
    groups: Iterable[tuple[Condition, Sequence[StoredRecord]]],
) -> dict[Condition, list[str]]:
    """The `provenance_notes` of each condition, once for all of its records; a record may come several times."""
    records: dict[Condition, dict[int, StoredRecord]] = {}
    for condition, of_group in groups:
        records.setdefault(condition, {}).update((id(record), record) for record in of_group)
    return {condition: provenance_notes([*known.values()]) for condition, known in records.items()}


def provenance_notes(records: Sequence[StoredRecord]) -> list[str]:
    """The versions of tasks, images, machines, packages and code behind some records, each named once."""
    by_task = sorted(records, key=lambda r: r.task)
    tasks = dict.fromkeys(f"{r.task} {r.task_version}" for r in by_task)
    images = dict.fromkeys(
        f"{r.task} {' + '.join(f'{n} {split}' for split, n in r.data.counts.items() if split in SPLITS)}"
        for r in by_task
    )
    machines = dict.fromkeys(map(describe_machine, records))
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
    """The machine of a run in a line, as far as the record tells."""
    facts = record.provenance.machine
    parts = [
        facts.get("cpu"),
        facts.get("cores") and plural(facts["cores"], "core"),
        facts.get("memory_gb") and f"{facts['memory_gb']} GB memory",
        facts.get("gpu") or "no GPU",
        plural(record.threads, "thread") + " per run",
        facts.get("platform"),
    ]
    return ", ".join(str(part) for part in parts if part)


def describe_revision(commit: str | None) -> str:
    """A commit, shortened; a '+' behind it means that the code differed from it."""
    if commit is None:
        return "commit unknown"
    changed = " with changes" if commit.endswith("+") else ""
    return f"commit {commit.removesuffix('+')[:10]}{changed}"
