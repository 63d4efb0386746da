"""Tables as one long table of exact figures, for other programs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.publish import as_csv
from reports.render.tables.wording import PaperTable

CONDITION_FIELDS = ("profile", "label_fraction")
CELL_FIELDS = ("mean", "std", "n", "low", "high", "published", "difference", "within",
           "best_in_group", "best", "incomplete", "split")  # fmt: skip


def tables_csv(tables: Sequence[PaperTable]) -> str:
    """The text of tables.csv: a row per cell; figures in percent (parameters: millions).

    `source` is published, measured or phantom; `published`, `difference` and `within` (whether the
    published mean lies between `low` and `high`) are empty where there is nothing to compare.
    """
    cells = [
        {
            "table": table.name,
            **{name: getattr(table.condition, name, None) for name in CONDITION_FIELDS},
            "group": row.group,
            "row": row.name,
            "source": cell.source,
            "column": ", ".join(heading),
            **{name: getattr(cell, name) for name in CELL_FIELDS},
        }
        for table in tables
        for row in table.rows
        for heading, cell in zip(table.headings, row.cells, strict=True)
        if cell is not None
    ]
    return as_csv(pd.DataFrame(cells).astype({"n": "Int64"}))
