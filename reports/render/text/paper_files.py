"""The tables of the paper as a web page, and as one long table of exact figures for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from reports.render.files import as_csv, html_templates
from reports.render.text.leaderboard_text import NOTHING
from reports.render.text.paper_text import TABLES_TITLE, PaperTable, closing_sections

CONDITION_FIELDS = ("profile", "label_fraction", "recipe", "overrides")
CELL_FIELDS = ("mean", "std", "n", "low", "high", "published", "difference", "within",
               "best_in_group", "best", "incomplete", "split")  # fmt: skip


def tables_page(tables: Sequence[PaperTable], missing: Sequence[str] = ()) -> str:
    """The text of tables.html: the tables, then `closing_sections`; whatever a record says is escaped."""
    templates = html_templates(Path(__file__).parent)
    return templates.get_template("tables.html.j2").render(
        title=TABLES_TITLE,
        tables=tables,
        sections=closing_sections(tables, missing),
        nothing=NOTHING,
    )


def tables_csv(tables: Sequence[PaperTable]) -> str:
    """The text of tables.csv: a row per cell; figures in percent (parameters: millions).

    `source` is published, measured or phantom. `published`, `difference` and `within` (whether the published mean lies
    between `low` and `high`) are empty where there is nothing to compare.
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
            "seen": cell.seen.state if cell.seen else None,
        }
        for table in tables
        for row in table.rows
        for heading, cell in zip(table.headings, row.cells, strict=True)
        if cell is not None
    ]
    return as_csv(pd.DataFrame(cells).astype({"n": "Int64"}))
