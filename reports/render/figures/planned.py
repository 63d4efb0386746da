"""A figure that can be drawn, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition
from reports.render.figures.files import file_name
from reports.render.figures.style import finish_figure
from reports.scores import Scores
from reports.wording import condition_title


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that can be drawn.

    Attributes
    ----------
    name : str
        Path without extension, such as 'phantom-mini/bars-drive-finetune'.
    kind : str
        The first part of its file's name, such as 'bars'.
    title, note : str
        Above and below it.
    condition : Condition or None
        What all its figures have in common; None: curves of pretraining.
    content : callable
        Draws it; ValueError if its data turn out too few or unsound.
    task, protocol, backbone : str or None
        What it is about; None: several.
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
        """The figure, with its title, its note and, of phantoms, their mark.

        Raises
        ------
        OSError, ValueError
            Naming what it lacks.
        """
        phantom = self.condition is not None and self.condition.data_source == "phantom"
        return finish_figure(self.content(), self.title, self.note, phantom)


@dataclass
class Plan:
    """Figures, and those that there are not.

    Attributes
    ----------
    figures : list of Planned
        In the order in which they are drawn.
    missing : list of str
        A sentence for each that has too little data.
    problems : list of str
        A sentence for each file that cannot be used.
    """

    figures: list[PlannedFigure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def naming(self, what: str) -> Iterator[None]:
        """A figure whose data turn out unsound is a problem, and the others are planned all the same."""
        try:
            yield
        except ValueError as error:
            self.problems.append(f"{what}: not drawn: {error}")


@dataclass(frozen=True)
class ConditionGroup:
    """The records of one condition, with what each backbone scored on each task."""

    condition: Condition
    records: list[StoredRecord]
    scores: list[Scores]

    @property
    def folder(self) -> str:
        """Where its figures lie."""
        one = self.condition
        share = [] if one.label_fraction == 1 else [f"{100 * one.label_fraction:g}pct"]
        split = [] if one.split == "published" else [one.split]
        return file_name(one.data_source, one.profile, *share, *split)

    @property
    def note(self) -> str:
        """What its figures have in common, in words."""
        return condition_title(self.condition)

    def figure(
        self,
        kind: str,
        title: str,
        note: str,
        content: Callable[[], Figure],
        task: str | None = None,
        protocol: str | None = None,
        backbone: str | None = None,
    ) -> PlannedFigure:
        """A figure of the group; `note` is put behind the group's own."""
        about = [word for word in (task, protocol, backbone) if word is not None]
        return PlannedFigure(
            name=f"{self.folder}/{file_name(kind, *about)}",
            kind=kind,
            title=title,
            note=f"{self.note}. {note}",
            condition=self.condition,
            content=content,
            task=task,
            protocol=protocol,
            backbone=backbone,
        )
