"""What an evaluation gives: a table to read, records that the reports read."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.records import FILE, WholeRecord
from lvmmed_backbones.records.checked import write_struct

SHOWN = ("accuracy", "balanced_accuracy", "auroc", "ece")  # what fits 80 columns; records have all


@dataclass(frozen=True)
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

    def table(self, console: Console | None = None) -> None:
        """Print the mean and the sample standard deviation over seeds, in percent."""
        groups: dict[tuple[str, float, str, str], list[WholeRecord]] = defaultdict(list)
        for record in self.records:
            key = (record.dataset, record.label_fraction, record.protocol, record.backbone.name)
            groups[key].append(record)
        console = console or Console()
        for title, rows in _by_title(groups):
            table = Table(title=title)
            table.add_column("backbone", no_wrap=True)
            for metric in SHOWN:
                table.add_column(metric.replace("_", " "), justify="right")
            for name, records in rows:
                table.add_row(plain(name), *(_cell(records, metric) for metric in SHOWN))
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


def identity(**parts: object) -> str:
    """The name of a run: a checksum over what it is made of."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _by_title(
    groups: dict[tuple[str, float, str, str], list[WholeRecord]],
) -> Iterator[tuple[str, list[tuple[str, list[WholeRecord]]]]]:
    """A table for each data set, share of the labels and probe: its title, and its rows, the best first."""
    tables: dict[tuple[str, float, str], list[tuple[str, list[WholeRecord]]]] = defaultdict(list)
    for (dataset, fraction, probe, backbone), records in groups.items():
        tables[dataset, fraction, probe].append((backbone, records))
    for (dataset, fraction, probe), rows in tables.items():
        labels = "" if fraction == 1 else f", {100 * fraction:.3g} % of the labels"
        rows.sort(key=lambda row: -np.mean([r.metrics["accuracy"] for r in row[1]]))
        yield plain(f"{dataset}, {probe}{labels}"), rows


def _cell(records: list[WholeRecord], metric: str) -> str:
    values = [record.metrics[metric] for record in records]
    if any(value is None for value in values):
        return "–"
    percent = 100 * np.array(values, dtype=float)
    spread = f" ± {percent.std(ddof=1):.1f}" if len(percent) > 1 else ""
    return f"{percent.mean():.1f}{spread}"
