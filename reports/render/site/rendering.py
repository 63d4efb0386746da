"""Templates to pages. Whatever a record says is escaped: by jinja2 in HTML, by `script_data` in data for scripts."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from lvmmed_backbones.records import overrides_text
from reports.reading.metrics import metric_name, value_text
from reports.render.figures.overlays import ERRORS
from reports.render.files import html_templates
from reports.render.site.content import task_line
from reports.render.text.leaderboard_text import NOTHING, describe_backbone

# Observable Plot writes this style into every SVG. The policy lets its hash through, and no other inline style.
PLOT_STYLE = """:where(.plot-d6a7b5) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.plot-d6a7b5 text),
:where(.plot-d6a7b5 tspan) {
  white-space: pre;
}"""
# No request leaves the page, and only scripts and styles of the site's own files run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'sha256-{base64.b64encode(hashlib.sha256(PLOT_STYLE.encode()).digest()).decode()}'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


def render_page(template: str, depth: int, **content: Any) -> str:
    """A page from `templates/`; `depth`: how many folders below the site's own it lies."""
    return _templates().get_template(template).render(root="../" * depth, **content)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    """The templates, and what they may call."""
    templates = html_templates(Path(__file__).parent / "templates")
    templates.filters |= {
        "breakable": _breakable,
        "overrides": overrides_text,
        "percent": _percent,
        "duration": _duration,
        "metric": metric_name,
        "value": _value,
        "task_line": task_line,
        "description": describe_backbone,
    }
    errors = list(ERRORS.values())
    templates.globals |= {"policy": POLICY, "nothing": NOTHING, "error_colours": errors}
    return templates


def _breakable(name: str) -> Markup:
    """A name that a narrow page may break behind an underscore or a slash."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace("/", "/<wbr>"))


def _percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for None and NaN."""
    if fraction is None or fraction != fraction:
        return NOTHING
    return f"{100 * fraction:.{digits}f}"


def _value(value: float | None, metric: str) -> str:
    """A value of a metric; a dash for None."""
    return NOTHING if value is None else value_text(metric, value)


def _duration(seconds: float) -> str:
    """Seconds as hours, minutes or seconds, the largest that fits."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def script_data(name: str, content: Any) -> str:
    """A script that sets a global variable to data, in which no text can end the script."""
    return f'"use strict";\nwindow.{name} = {htmlsafe_json_dumps(content)};\n'
