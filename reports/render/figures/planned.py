"""A figure that can be drawn, what it is drawn from, and the sentences that stand under several figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lvmmed_backbones.records import SUITE, StoredRecord
from reports.reading.consistency import Condition
from reports.reading.scores import Scores
from reports.render.figures.style import Look, finish_figure
from reports.render.files import file_name
from reports.render.text.leaderboard_text import condition_title, plural
from reports.statistics.ranks import DECIMALS

MOST_SHOWN = 40  # backbones; a figure with more is taller than a page, and its lines look alike
MOST_NAMED = 6  # backbones in a sentence


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that can be drawn.

    Attributes
    ----------
    name : str
        Path without extension, such as 'phantom-mini/bars-drive-finetune'.
    kind : str
        First part of the file's name, such as 'bars'.
    title, note : str
        Texts above and below the figure.
    condition : Condition or None
        Condition of all scores in it; None for curves of pretraining.
    content : callable
        Draws the figure; raises ValueError if the data are too few or unsound.
    task, protocol, backbone : str or None
        What the figure is about; None if it is about several.
    """

    name: str
    kind: str
    title: str
    note: str
    condition: Condition | None
    content: Callable[[], Figure]
    task: str | None = None
    protocol: str | None = None
    backbone: str | None = None

    def draw(self) -> Figure:
        """Return the figure with its title and note; a figure of phantoms is marked as such.

        Raises
        ------
        OSError, ValueError
            If data are missing or unsound; the message names them.
        """
        phantom = self.condition is not None and self.condition.data_source == "phantom"
        return finish_figure(self.content(), self.title, self.note, phantom)


@dataclass(frozen=True)
class ConditionGroup:
    """The records of one condition, and the scores of each backbone on each task.

    `all_shares` is true if they have several shares of the labels, in place of the condition's own.
    """

    condition: Condition
    records: list[StoredRecord]
    scores: list[Scores]
    all_shares: bool = False

    @property
    def folder(self) -> str:
        """Name of the folder of its figures."""
        condition = self.condition
        fraction, split = condition.label_fraction, condition.split
        share = [] if fraction == 1 else [f"{100 * fraction:g}pct"]
        unusual_split = [] if split == "published" else [split]
        recipe = [] if condition.recipe == SUITE else [condition.recipe]
        changed = [condition.overrides] if condition.overrides else []
        return file_name(
            condition.data_source, condition.profile, *recipe, *share, *unusual_split, *changed
        )

    @property
    def note(self) -> str:
        """The condition in words."""
        title = condition_title(self.condition)
        return title.replace(", all labels", "", 1) if self.all_shares else title


@dataclass
class Plan:
    """The figures to draw, and those that cannot be drawn.

    Attributes
    ----------
    looks : mapping of str to Look
        Look of each backbone, in all figures.
    figures : list of PlannedFigure
        Figures in the order in which they are drawn.
    missing : list of str
        A sentence for each figure with too little data.
    problems : list of str
        A sentence for each file that cannot be used.
    """

    looks: Mapping[str, Look]
    figures: list[PlannedFigure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(
        self,
        group: ConditionGroup,
        kind: str,
        title: str,
        sentences: Iterable[str],
        content: Callable[[], Figure],
        *about: str,
    ) -> None:
        """Add a figure of a group.

        Parameters
        ----------
        sentences : iterable of str
            The note, behind that of the group.
        about : str
            Task, protocol and backbone, as far as the figure is about one.
        """
        name = f"{group.folder}/{file_name(kind, *about)}"
        note = join_sentences([f"{group.note}.", *sentences])
        self.figures.append(
            PlannedFigure(name, kind, title, note, group.condition, content, *about)
        )

    @contextmanager
    def naming(self, what: str) -> Iterator[None]:
        """Turn a ValueError within into a problem that names the figure, so that the others are planned."""
        try:
            yield
        except ValueError as error:
            self.problems.append(f"{what}: not drawn: {error}")


def leading_names(scores: Mapping[str, float]) -> list[str]:
    """The `MOST_SHOWN` backbones with the highest scores, the highest first, ties by the alphabet."""
    return sorted(scores, key=lambda name: (-round(scores[name], DECIMALS), name))[:MOST_SHOWN]


def best_of_note(number: int) -> str:
    """A sentence on how many of so many backbones are shown; empty if all are."""
    return f"The best {MOST_SHOWN} of {number} backbones." if number > MOST_SHOWN else ""


def ties_note(scores: Mapping[str, float], looks: Mapping[str, Look]) -> str:
    """A sentence that names backbones of equal score, whose order tells nothing; empty if there are none."""
    by_score: dict[float, list[str]] = defaultdict(list)
    for name in leading_names(scores):
        by_score[round(scores[name], DECIMALS)].append(looks[name].name)
    ties = [list_names(names) for names in by_score.values() if len(names) > 1]
    return f"Equal, in alphabetical order: {list_names(ties, '; ')}." if ties else ""


def one_seed_note(scores: Sequence[Scores]) -> str:
    """A sentence on backbones with a single seed; empty if every backbone has several."""
    numbers = {len(of_backbone.seeds) for of_backbone in scores}
    if numbers == {1}:
        return "One seed each: says nothing of other seeds."
    return "One seed of some: says nothing of their other seeds." if 1 in numbers else ""


def number_range(numbers: Iterable[int], word: str) -> str:
    """The least and the greatest of some numbers of things, such as '3 to 5 seeds', or the only one."""
    least, most = min(numbers := list(numbers)), max(numbers)
    return plural(most, word) if least == most else f"{least} to {plural(most, word)}"


def list_names(names: Sequence[str], separator: str = ", ") -> str:
    """The first `MOST_NAMED` names, and how many more there are."""
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return separator.join([*names[:MOST_NAMED], *more])


def join_sentences(sentences: Iterable[str]) -> str:
    """The sentences that are not empty, as one text."""
    return " ".join(filter(None, sentences))
