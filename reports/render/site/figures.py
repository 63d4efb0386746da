"""The figures of `python -m reports figures`, placed where they belong on the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition
from reports.render.figures import KINDS
from reports.render.figures.files import render_figure
from reports.render.figures.plan import PlannedFigure, plan_figures
from reports.render.site.results import TaskResults

FOLDER = "figures"
NATIVE = ("gallery",)  # what the site shows in its own way


@dataclass(frozen=True)
class Plate:
    """A figure in a file.

    Attributes
    ----------
    address : str
        From the site's root.
    caption : str
        What it shows.
    condition, task, protocol, backbone : Condition or None
        What it is about; None: several.
    """

    address: str
    caption: str
    condition: Condition | None
    task: str | None
    protocol: str | None
    backbone: str | None


@dataclass(frozen=True)
class Plates:
    """All figures of a site."""

    drawn: list[Plate]

    @property
    def overall(self) -> list[Plate]:
        """Those of no single task."""
        return [plate for plate in self.drawn if plate.task is None]

    def of_part(self, task: str, part: TaskResults) -> list[Plate]:
        """Those of a task under one condition."""
        about = (task, part.protocol, part.condition)
        return [p for p in self.drawn if (p.task, p.protocol, p.condition) == about]


def draw_plates(
    records: Sequence[StoredRecord],
    pretraining: Sequence[Path],
    site: Path,
    progress: Callable[[Iterable[Any], str], Iterable[Any]],
    problems: list[str],
) -> Plates:
    """Draw into the site's folder; a figure whose data turn out unsound is added to the problems.

    Raises
    ------
    OSError, ValueError
        If a record or a pretraining run cannot be read.
    """
    made = plan_figures(records, pretraining, [kind for kind in KINDS if kind not in NATIVE])
    problems += made.problems
    drawn = []
    for one in progress(made.figures, "figures"):
        try:
            content = render_figure(one.draw(), "svg")
        except (FileNotFoundError, ValueError) as error:
            problems.append(f"{one.name} is not drawn: {error}")
            continue
        address = f"{FOLDER}/{one.name}.svg"
        (site / address).parent.mkdir(parents=True, exist_ok=True)
        (site / address).write_bytes(content)
        drawn.append(plate(one, address))
    return Plates(drawn)


def plate(one: PlannedFigure, address: str) -> Plate:
    """The place of a drawn figure."""
    return Plate(address, one.title, one.condition, one.task, one.protocol, one.backbone)
