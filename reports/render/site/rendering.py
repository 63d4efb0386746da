"""Templates to pages. Whatever a record says is escaped: by jinja2 in HTML, by `script_data` in data for scripts."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from reports.metrics import metric_name
from reports.render.figures.overlays import ERRORS
from reports.wording import NOTHING

HERE = Path(__file__).parent
# Observable Plot writes this into every SVG; its hash is let through, so that no other inline style is.
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
# No request leaves the page, and no script or style runs but those of the site's own files.
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
    return template_environment().get_template(template).render(root="../" * depth, **content)


@lru_cache(maxsize=1)
def template_environment() -> Environment:
    """The templates and what they may call."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "breakable": breakable,
        "percent": percent,
        "duration": duration,
        "metric": metric_name,
    }
    found.globals |= {"policy": POLICY, "nothing": NOTHING, "error_colours": list(ERRORS.values())}
    return found


def breakable(name: str) -> Markup:
    """A name that a narrow page may break behind an underscore or a slash."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace("/", "/<wbr>"))


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash for None and NaN."""
    if fraction is None or fraction != fraction:
        return NOTHING
    return f"{100 * fraction:.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes or seconds, the largest that fits."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def script_data(name: str, content: Any) -> str:
    """A script that sets a global variable to data, in which no text can end the script."""
    return f'"use strict";\nwindow.{name} = {htmlsafe_json_dumps(content)};\n'
