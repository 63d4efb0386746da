"""Write figures: vector and pixels, the same bytes from the same data, both files of a figure or none."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

from matplotlib.figure import Figure

from reports.publish import write_files
from reports.render.figures.style import THEME, theme

FORMATS = ("svg", "png")
# Neither the day nor the version of matplotlib: the same data gives the same bytes.
METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write STEM.svg and STEM.png, in a folder that is made if it is absent.

    Parameters
    ----------
    stem : Path
        Path without extension; its last part may hold dots.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    DiskFull, OSError
        If they cannot be written.
    """
    contents = {
        stem.with_name(f"{stem.name}.{kind}"): render_figure(figure, kind) for kind in FORMATS
    }
    write_files(contents)
    return list(contents)


def render_figure(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure as 'svg' or 'png'."""
    stream = io.BytesIO()
    with theme(THEME):
        figure.savefig(stream, format=kind, metadata=METADATA[kind])
    return stream.getvalue()


def file_name(*words: str) -> str:
    """Words as part of a file's name: letters, digits, dot, underscore and hyphen.

    Words that lose something by that, or are long, get a piece of their checksum, so that different words never meet.
    """
    text = "-".join(words)
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:80]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")
