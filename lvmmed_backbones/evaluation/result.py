"""What an evaluation gives: a table to read, records that the reports read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.records import FILE, WholeRecord
from lvmmed_backbones.records.checked import write_struct

# What fits 80 columns; records have all. The first row whose first metric a probe has.
SHOWN = (
    ("accuracy", "balanced_accuracy", "auroc", "ece"),
    ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy"),
    ("average_precision", "precision_at_1", "precision_at_5", "precision_at_10"),
    ("r2", "pearson", "mae"),
    ("dice", "iou"),
)
ROBUSTNESS = (
    ("mean_corruption_error", "relative_corruption_error"),
    ("invariance_rotation", "invariance_flip", "invariance_intensity"),
)
NOT_PERCENT = ("mae",)  # in the unit of the targets
OF_NOTEBOOK = '<pre style="line-height: normal; overflow-x: auto">{code}</pre>'


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The scores of backbones on labelled images.

    Attributes
    ----------
    records : list of WholeRecord
        One for each backbone, data set, probe, share of the labels and seed.
    notes : list of str
        What a reader of the scores must know, such as test images that are also training images.
    """

    records: list[WholeRecord]
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Evaluation: {len(self.records)} records; table() prints their scores>"

    def _repr_html_(self) -> str:
        """The table, where the last line of a notebook's cell is an evaluation."""
        console = Console(file=StringIO(), force_jupyter=False, record=True, width=100)
        self.table(console)
        return console.export_html(inline_styles=True, code_format=OF_NOTEBOOK)

    def table(self, console: Console | None = None) -> None:
        """Print the mean and the sample standard deviation over seeds, in percent; a mean absolute error as it is."""
        groups: dict[tuple[str, float, str, str], list[WholeRecord]] = defaultdict(list)
        for record in self.records:
            key = (record.dataset, record.label_fraction, record.protocol, record.backbone.name)
            groups[key].append(record)
        console = console or Console()
        for title, rows in _by_title(groups):
            for part, metrics in _parts(rows[0][1][0].metrics):
                table = Table(title=title + part)
                table.add_column("backbone", no_wrap=True)
                for metric in metrics:
                    table.add_column(metric.replace("_", " "), justify="right")
                for name, records in rows:
                    table.add_row(plain(name), *(_cell(records, metric) for metric in metrics))
                console.print(table)
        for note in self.notes:
            console.print(plain(note), markup=False)

    def save(self, results: str | Path) -> list[Path]:
        """Write the records below a folder of results; those that are there already stay.

        Returns
        -------
        list of Path
            Of every record.
        """
        files = []
        for record in self.records:
            folder = Path(results) / "runs" / record.run
            files.append(folder / FILE)
            if not files[-1].exists():
                with replacing_folder(folder) as scratch:
                    write_struct(scratch / FILE, record)
        return files


def _by_title(
    groups: dict[tuple[str, float, str, str], list[WholeRecord]],
) -> Iterator[tuple[str, list[tuple[str, list[WholeRecord]]]]]:
    """A table for each data set, share of the labels and probe: its title, and its rows, the best first."""
    tables: dict[tuple[str, float, str], list[tuple[str, list[WholeRecord]]]] = defaultdict(list)
    for (dataset, fraction, probe, backbone), records in groups.items():
        tables[dataset, fraction, probe].append((backbone, records))
    for (dataset, fraction, probe), rows in tables.items():
        labels = "" if fraction == 1 else f", {100 * fraction:.3g} % of the labels"
        rows.sort(key=lambda row: -_headline(row[1]))
        yield plain(f"{dataset}, {probe}{labels}"), rows


def _parts(metrics: Mapping[str, float | None]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The tables of a probe, each with what its title adds and its columns."""
    fitting = [names for names in SHOWN if all(name in metrics for name in names)]
    yield "", fitting[0] if fitting else tuple(metrics)[:4]
    for names in ROBUSTNESS:
        if names[0] in metrics:
            yield ", changed images", names


def _headline(records: list[WholeRecord]) -> float:
    return float(np.mean([float(r.metrics[r.metric] or 0) for r in records]))


def _cell(records: list[WholeRecord], metric: str) -> str:
    values = [record.metrics.get(metric) for record in records]
    if any(value is None for value in values):
        return "–"
    shown = np.array(values, dtype=float) * (1 if metric in NOT_PERCENT else 100)
    digits = 3 if metric in NOT_PERCENT else 1
    spread = f" ± {shown.std(ddof=1):.{digits}f}" if len(shown) > 1 else ""
    return f"{shown.mean():.{digits}f}{spread}"
