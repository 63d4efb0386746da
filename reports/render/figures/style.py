"""What all figures share: letters and lines, a look per backbone, titles that fit, the mark of phantoms, files."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from reports.render.files import write_files

WIDE, NARROW = 6.9, 3.4  # inches: two columns of a page, or one
# Okabe and Ito, "Color universal design", 2008. Grey stands for black, on which no whisker shows. Yellow, the faintest
# on white, comes last.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#777777", "#F0E442",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||", "++++", "//", "\\\\", "xx")
LINES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (2, 1)), (0, (7, 2, 1, 2, 1, 2)),
    (0, (8, 2)),
)  # fmt: skip
LONGEST = 30  # letters; a longer name is cut in its middle
THEME = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "figure.titlesize": 8.5,
    "figure.titleweight": "bold",
    "text.parse_math": False,  # names come from records: $ is a letter
    "axes.formatter.use_mathtext": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "axes.facecolor": "none",  # the mark of phantoms shows through
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "boxplot.patchartist": True,
    "boxplot.medianprops.color": "#222222",
    "boxplot.medianprops.linewidth": 1.4,
    "boxplot.whiskerprops.linewidth": 0.7,
    "boxplot.capprops.linewidth": 0.7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "patch.linewidth": 0.6,
    "hatch.linewidth": 0.4,
    "svg.hashsalt": "lvmmed",
    "svg.fonttype": "path",  # a viewer without the font shows the same
    "savefig.dpi": 220,
}
EDGE = "#222222"
NARROWEST = 0.25  # of a letter's height; no letter is narrower

# A decorator and context manager: what is drawn or saved within has this style, whatever the user's style is.
theme = mpl.rc_context


@dataclass(frozen=True)
class Look:
    """How a backbone is drawn; looks differ in black and white, too.

    Attributes
    ----------
    colour, marker, hatch, line : str
        Values that matplotlib takes.
    name : str
        Name of the backbone, short enough for an axis.
    """

    colour: str
    marker: str
    hatch: str
    line: str | tuple[float, tuple[float, ...]]
    name: str

    @property
    def curve(self) -> dict[str, Any]:
        """Arguments of a curve."""
        return {"color": self.colour, "linestyle": self.line, "marker": self.marker}


def assign_looks(backbones: Iterable[str]) -> dict[str, Look]:
    """A look for each backbone; no two of 56 share colour and line, no two of 88 colour and marker.

    Parameters
    ----------
    backbones : iterable of str
        All backbones of a report, so that each looks the same in all of its figures.
    """
    names = short_names(sorted(set(backbones)))
    looks = zip(cycle(PALETTE), cycle(MARKERS), cycle(HATCHES), cycle(LINES), strict=False)
    return {
        name: Look(*look, name=short_name)
        for (name, short_name), look in zip(names.items(), looks, strict=False)
    }


def distinct_looks(styles: Mapping[str, Look], shown: Sequence[str]) -> Mapping[str, Look]:
    """The looks of the backbones of a figure whose legend shows colour and marker.

    They are the same as in all other figures, unless two would share both, as can happen in reports of more than 88
    backbones; then the figure has looks of its own.
    """
    used = {(styles[name].colour, styles[name].marker) for name in shown}
    if len(used) == len(shown):
        return styles
    own = assign_looks(shown)
    return {name: replace(own[name], name=styles[name].name) for name in shown}


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Each name, cut in its middle to `LONGEST` letters; names that would then be equal are numbered."""
    short: dict[str, str] = {}
    for name in names:
        cut, number = shorten(name), 1
        while cut in short.values():
            number += 1
            cut = f"{shorten(name, LONGEST - 3)} {number}"
        short[name] = cut
    return short


def shorten(text: str, longest: int = LONGEST) -> str:
    """The text; if it is longer than `longest`, an ellipsis replaces its middle."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[-tail:]}"


def finish_figure(figure: Figure, title: str, note: str, phantom: bool) -> Figure:
    """Put the title on top and the note below; mark a figure of phantoms in its title and across it."""
    with theme(THEME):
        width, edge = figure.get_figwidth() - 0.1, 0.05 / figure.get_figwidth()
        title = wrap_text(f"Phantom: {title}" if phantom else title, width, 8.5, "bold")
        note = wrap_text(note, width, 6)
        figure.suptitle(title, x=edge, ha="left")
        figure.supxlabel(note, x=edge, ha="left", fontsize=6, color="#555555")
        # A figure has room for one line of each.
        more = 0.14 * title.count("\n") + 0.1 * note.count("\n")
        figure.set_figheight(figure.get_figheight() + more)
        if phantom:
            _mark_phantom(figure)
    return figure


def _mark_phantom(figure: Figure) -> None:
    """Write PHANTOM across a figure, behind its data."""
    width, height = figure.get_size_inches()
    figure.text(
        0.5, 0.5, "PHANTOM", ha="center", va="center", rotation=20, fontweight="bold",
        fontsize=min(11.5 * width, 22 * height), color="#999999", alpha=0.22, zorder=-1,
    )  # fmt: skip


def wrap_text(text: str, inches: float, points: float, weight: str = "normal") -> str:
    """The text in lines that fit a width; a word longer than a line is broken."""
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    most = int(72 * inches / (points * NARROWEST))
    for letters in range(min(len(text), most), 0, -1):
        lines = textwrap.wrap(text, letters)
        if all(fits(line, inches, points, weight) for line in lines):
            return "\n".join(lines)
    return text


def fits(line: str, inches: float, points: float, weight: str) -> bool:
    """Whether a line of text is no wider than so many inches."""
    # Condition a line takes milliseconds. Most lines that are tried are too long by far: without the space between them
    # their letters are (kerning aside).
    if sum(_letter_width(letter, points, weight) for letter in line) > inches:
        return False
    return text_width(line, points, weight) <= inches


@lru_cache(maxsize=4096)
def _letter_width(letter: str, points: float, weight: str) -> float:
    """The width of a letter in inches, without the space around it."""
    return text_width(letter, points, weight)


def text_width(text: str, points: float, weight: str = "normal") -> float:
    """The width of a line of text in inches."""
    font = FontProperties(family=THEME["font.family"], size=points, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def name_rows(axes: Axes, backbones: Iterable[str], styles: Mapping[str, Look]) -> None:
    """Name the rows of a horizontal plot, which lie at 0, 1, 2 ...; the first one is on top."""
    names = [styles[backbone].name for backbone in backbones]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def figure_height(rows: int, row: float = 0.17, rest: float = 0.95) -> float:
    """Height in inches of a figure with so many rows of text."""
    return rest + row * rows


def add_legend_beside(axes: Axes, handles: Iterable[Artist], styles: Iterable[Look]) -> None:
    """Add a legend to the right of a plot, level with its top."""
    names = [look.name for look in styles]
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0}
    axes.legend(list(handles), names, **place)


def percent(fraction: float) -> str:
    """A fraction in percent, with three digits at most."""
    return f"{100 * fraction:.3g} %"


# Without the day and the version of matplotlib, so that the same data give the same bytes.
METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write STEM.svg and STEM.png, both or none, in a folder that is made if it is absent.

    Parameters
    ----------
    stem : Path
        Path without extension; its name may hold dots.

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
        stem.with_name(f"{stem.name}.{kind}"): render_figure(figure, kind) for kind in METADATA
    }
    write_files(contents)
    return list(contents)


def render_figure(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure; `kind` is 'svg' or 'png'."""
    stream = io.BytesIO()
    with theme(THEME):
        figure.savefig(stream, format=kind, metadata=METADATA[kind])
    return stream.getvalue()
