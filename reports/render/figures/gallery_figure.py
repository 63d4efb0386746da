"""The best, median and worst case of a run: image, truth, prediction and error side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from lvmmed_backbones.records.gallery import Entry
from reports.reading.gallery import StoredGallery, read_boxes, read_image, read_maps
from reports.reading.metrics import metric_name
from reports.render.figures.overlays import (
    ERRORS,
    FALSE_ALARM,
    MISSED,
    OUTCOMES,
    OVERLAP,
    RIGHT,
    class_colour,
    dim,
    error_map,
    match_boxes,
    paint,
)  # fmt: skip
from reports.render.figures.style import EDGE, THEME, shorten, theme

SIDE = 1.25  # inches of an image
SURE = 0.3  # boxes of a lower score are not shown, as in mmdetection's own pictures
OPACITY = 0.6
LEGEND_COLUMNS = 4
MOST_CLASSES = 7  # bars of probability beside an image
COLUMNS = {
    "segmentation": ("image", "truth", "prediction", "error"),
    "volumes": ("image", "truth", "prediction", "error"),
    "detection": ("image", "truth", "prediction", "outcome"),
    "classification": ("image", "probability of the classes"),
}
OTHER = "#999999"
RIM = withStroke(linewidth=2.2, foreground="black")
LINES = {RIGHT: "-", MISSED: (0, (3, 1)), FALSE_ALARM: (0, (1, 1))}

# What legends explain. Key: 0 for classes or 1 for errors, and the number. Value: text and colour; of lines, dashes.
Key = dict[tuple[int, int], tuple]


@theme(THEME)
def draw_gallery(gallery: StoredGallery) -> Figure:
    """Draw a row per case.

    Segmentation and detection: image, truth, prediction, error; classification: image and probabilities.

    Raises
    ------
    OSError, ValueError
        If the gallery is empty, or one of its files is not sound.
    """
    if not gallery.entries:
        raise ValueError("its gallery is empty: no test case had a score.")
    columns, rows = COLUMNS[gallery.kind], len(gallery.entries)
    ratios = [1, 1.6] if gallery.kind == "classification" else [1] * len(columns)
    size = (1.1 + SIDE * sum(ratios), 1.15 + (SIDE + 0.05) * rows)
    figure = Figure(size)
    grid = figure.add_gridspec(rows + 2, len(columns), width_ratios=ratios)
    key: Key = {}
    for number, entry in enumerate(gallery.entries):
        row = [figure.add_subplot(grid[number, column]) for column in range(len(columns))]
        key |= DRAW_ROW[gallery.kind](row, entry, gallery)
        row[0].set_ylabel(
            _caption(entry, gallery.metric), rotation=0, ha="right", va="center", fontsize=6.5
        )
        if number == 0:
            for axes, title in zip(row, columns, strict=True):
                axes.set_title(title, fontsize=7)
    legends = [[key[item] for item in sorted(key) if item[0] == group] for group in (0, 1)]
    for number, items in enumerate(legends):
        _draw_legend(figure.add_subplot(grid[rows + number, :]), items)
    lines = [-(-len(items) // LEGEND_COLUMNS) for items in legends]
    grid.set_height_ratios([1] * rows + [0.01 + 0.11 * number for number in lines])
    return figure


def _caption(entry: Entry, metric: str) -> str:
    """Role, case and score, in short lines."""
    case = textwrap.wrap(shorten(entry.case, 28), 15)
    what = "p(truth)" if metric == "probability" else metric_name(metric)
    return "\n".join([entry.role.upper(), *case, f"{what} {100 * entry.score:.1f} %"])


def gallery_note(gallery: StoredGallery) -> str:
    """Sentences that a reader needs to understand the pictures; empty if none are needed."""
    if gallery.kind != "detection":
        return ""
    return (
        f"Predictions of a score below {SURE} are not shown. True positive: overlaps a true box of its class by an "
        f"IoU of {OVERLAP} or more, each true box once, the surest prediction first; false positive: does not. "
        "Missed: a true box that no prediction shown has found."
    )


def _draw_legend(axes: Axes, items: Sequence[tuple]) -> None:
    """Draw a legend of the values of a `Key`."""
    axes.axis("off")
    if items:
        handles = [_legend_handle(*marks) for _, *marks in items]
        axes.legend(
            handles, [shorten(text, 20) for text, *_ in items], loc="center", columnspacing=1.4,
            ncols=LEGEND_COLUMNS, borderaxespad=0, handlelength=1.2 if len(items[0]) == 2 else 2.2,
        )  # fmt: skip


def _legend_handle(colour: str, line: object = None) -> Artist:
    """A patch of a colour, or a piece of a line as `_draw_box` draws it."""
    if line is None:
        return Patch(facecolor=colour, edgecolor=EDGE, linewidth=0.4)
    return Line2D([], [], color=colour, linestyle=line, linewidth=1.2, path_effects=[RIM])  # type: ignore[arg-type]


def _draw_image(axes: Axes, pixels: NDArray) -> None:
    """Draw an image without axes."""
    axes.imshow(pixels)
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_segmentation(row: Sequence[Axes], entry: Entry, gallery: StoredGallery) -> Key:
    """Fill a row with label maps over the image."""
    image, truth, prediction = read_maps(gallery, entry)
    foreground = range(1, len(gallery.classes))
    classes = {label: class_colour(label) for label in foreground}
    wrong = error_map(truth, prediction)
    _draw_image(row[0], image)
    _draw_image(row[1], paint(image, truth, classes, OPACITY))
    _draw_image(row[2], paint(image, prediction, classes, OPACITY))
    colours = {code: colour for code, (_, colour) in ERRORS.items()}
    _draw_image(row[3], paint(dim(image), wrong, colours, 0.85))
    present = np.union1d(truth, prediction)
    shown = {(0, n): (gallery.classes[n], classes[n]) for n in foreground if n in present}
    return shown | {(1, n): ERRORS[n] for n in np.unique(wrong).tolist() if n in ERRORS}


def _draw_detection(row: Sequence[Axes], entry: Entry, gallery: StoredGallery) -> Key:
    """Fill a row with boxes over the image."""
    image = read_image(gallery.file(entry, "image"))
    boxes = read_boxes(gallery.file(entry, "boxes"), len(gallery.classes)).at_least(SURE)
    found, right = match_boxes(boxes)
    for axes, pixels in zip(row, (image, image, image, dim(image)), strict=True):
        _draw_image(axes, pixels)
    classes = [class_colour(label + 1) for label in range(len(gallery.classes))]
    for axes, corners, labels in (
        (row[1], boxes.truth, boxes.truth_labels),
        (row[2], boxes.prediction, boxes.prediction_labels),
    ):
        for box, label in zip(corners, labels, strict=True):
            _draw_box(axes, box, classes[label], "-")
    codes = {
        RIGHT: boxes.prediction[right],
        FALSE_ALARM: boxes.prediction[~right],
        MISSED: boxes.truth[~found],
    }
    for code, corners in codes.items():
        for box in corners:
            _draw_box(row[3], box, OUTCOMES[code][1], LINES[code])
    present = np.union1d(boxes.truth_labels, boxes.prediction_labels).tolist()
    shown: Key = {(0, label): (gallery.classes[label], classes[label]) for label in present}
    outcomes = [code for code, corners in codes.items() if len(corners)]
    return shown | {(1, code): (*OUTCOMES[code], LINES[code]) for code in outcomes}


def _draw_box(axes: Axes, box: NDArray[np.float64], colour: str, line: object) -> None:
    """Draw a box x1, y1, x2, y2 with a dark rim, so that it shows on any image."""
    x1, y1, x2, y2 = box
    axes.add_patch(
        Rectangle(
            (x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=1.2,
            linestyle=line, path_effects=[RIM],
        )
    )  # fmt: skip


def _draw_classification(row: Sequence[Axes], entry: Entry, gallery: StoredGallery) -> Key:
    """Fill a row with the image and bars of probability: the likeliest classes, the true one among them."""
    _draw_image(row[0], read_image(gallery.file(entry, "image")))
    probabilities = np.array(entry.probabilities)
    likeliest = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES].tolist()
    if entry.truth not in likeliest:
        likeliest[-1] = entry.truth
    roles = {entry.prediction: "predicted, wrong", entry.truth: "true class"}
    colours = {"true class": ERRORS[RIGHT][1], "predicted, wrong": ERRORS[FALSE_ALARM][1]}
    hatches = {"true class": "", "predicted, wrong": "////"}
    axes = row[1]
    for place, label in enumerate(likeliest):
        role = roles.get(label, "")
        axes.barh(
            place, 100 * probabilities[label], 0.7, color=colours.get(role, OTHER),
            hatch=hatches.get(role), edgecolor=EDGE,
        )  # fmt: skip
    axes.set_yticks(range(len(likeliest)), [shorten(gallery.classes[n], 18) for n in likeliest])
    axes.set_ylim(max(len(likeliest), 4) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    return {(1, n): (r, colours[r]) for n, r in enumerate(colours) if r in roles.values()}


DRAW_ROW = {
    "segmentation": _draw_segmentation,
    "volumes": _draw_segmentation,
    "detection": _draw_detection,
    "classification": _draw_classification,
}
