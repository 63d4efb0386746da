"""Leaderboards as one web page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.wording import NOTHING, TITLE, Sheet

TEMPLATE = "leaderboard.html.j2"


def render(sheets: Sequence[Sheet]) -> str:
    """The text of leaderboard.html; whatever a record says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment.get_template(TEMPLATE).render(title=TITLE, sheets=sheets, nothing=NOTHING)


def breakable(name: str) -> Markup:
    """A name that a narrow page may break behind an underscore."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
