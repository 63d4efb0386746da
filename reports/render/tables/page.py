"""Tables as a web page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.render.tables.wording import TABLES_TITLE, PaperTable, closing_sections, mean_and_rest
from reports.wording import NOTHING

TEMPLATE = "tables.html.j2"


def tables_page(tables: Sequence[PaperTable], missing: Sequence[str] = ()) -> str:
    """The text of tables.html: the tables, then `ending`; whatever a record says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["parts"] = mean_and_rest
    template = environment.get_template(TEMPLATE)
    sections = closing_sections(tables, missing)
    return template.render(title=TABLES_TITLE, tables=tables, sections=sections, nothing=NOTHING)
