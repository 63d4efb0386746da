"""A picture of a data set: some images of each split, with their masks, boxes or classes drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused, read_json, read_lines, refusing
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import file_names, split_files
from lvmmed_backbones.layout.reading import read_image, read_stored
from tasks import datasets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours for the classes 1, 2, ... (in turn): told apart by colour-blind readers too.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
AGAIN = "Prepare the data set again"
ACROSS, TILE = 6, 2.2  # images in a row; the side of one, in inches
LONGEST = 30  # characters of a name under an image
MOST = 48  # images of a split: more cannot be looked at in one picture


@dataclass(frozen=True)
class Example:
    """What a list says of an image, or of a volume.

    Attributes
    ----------
    names : sequence of str
        The image; of a volume its slices.
    label : int or None
        Its class, in classification.
    boxes : sequence of (int, list of float)
        Class, from 1, and x, y, width, height in pixels, in detection.
    """

    names: Sequence[str]
    label: int | None = None
    boxes: Sequence[tuple[int, list[float]]] = ()


def show(
    data_set: str | Path,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    count: int = 12,
    seed: int = 0,
) -> Path:
    """Draw images of each split with their masks, boxes or classes: `python -m tasks show`.

    Parameters
    ----------
    data_set : str or Path
        Folder of a prepared data set, or the name of a data set, which is prepared for the picture alone.
    out : str, Path, optional
        The PNG to write; None: NAME.png in the current folder.
    data : str or Path, optional
        Folder of downloads, for a name; None: what comes with the suite.
    count : int
        Images of each split, 1 to 48; of a volume one slice is drawn, that with the most foreground.
    seed : int
        Chooses them.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileNotFoundError
        If there is neither such a folder nor such a download.
    Refused
        If the data set is not whole.
    ValueError
        If there is no such data set, or `count` is out of range.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"count {count}: choose 1 to {MOST} images of each split")
    if Path(data_set).is_dir():
        folder = Path(data_set).resolve()
        return _write(folder, Path(out or f"{folder.name}.png"), count, seed)
    with TemporaryDirectory() as scratch:
        folder = datasets.prepare(str(data_set), Path(data) if data else None, Path(scratch))
        return _write(folder, Path(out or f"{data_set}.png"), count, seed)


def choose(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Choose some at random, of each class alike; in the order of classes, then names."""
    shuffled = [examples[place] for place in np.random.default_rng(seed).permutation(len(examples))]
    classes = sorted({example.label or 0 for example in examples})
    by_class = [[e for e in shuffled if (e.label or 0) == label] for label in classes]
    turns = chain.from_iterable(zip_longest(*by_class))
    chosen = [example for example in turns if example is not None][:count]
    return sorted(chosen, key=lambda example: (example.label or 0, example.names))


def read_split(path: Path, folder: Path, kind: str) -> list[Example]:
    """Read the list of a split of a prepared data set.

    Raises
    ------
    Refused
        If it is no such list.
    """
    with refusing(path, AGAIN, "is no list of a split"):
        if kind == "detection":
            return _read_boxes(read_json(path, AGAIN, within=folder))
        lines = read_lines(path, within=folder)
        if kind == "classification":
            pairs = [line.rpartition(" ") for line in lines]
            return [Example([name], label=int(label)) for name, _, label in pairs]
    if kind == "segmentation":
        return [Example([name]) for name in lines]
    volumes: dict[str, list[str]] = {}
    for name in lines:
        volumes.setdefault(name.rpartition("/")[0], []).append(name)
    return [Example(slices) for slices in volumes.values()]


def _read_boxes(content: Any) -> list[Example]:
    classes = {c["id"]: number for number, c in enumerate(content["categories"], start=1)}
    boxes: dict[Any, list[tuple[int, list[float]]]] = {i["id"]: [] for i in content["images"]}
    for box in content["annotations"]:
        corners = [float(value) for value in box["bbox"]]
        boxes[box["image_id"]].append((classes[box["category_id"]], corners))
    return [Example([i["file_name"]], boxes=boxes[i["id"]]) for i in content["images"]]


def _write(folder: Path, out: Path, count: int, seed: int) -> Path:
    import matplotlib.pyplot as plt

    meta = read_meta(folder)
    suffix = ".json" if meta["kind"] == "detection" else ".txt"
    splits = {
        path.stem: read_split(path, folder, meta["kind"]) for path in split_files(folder, suffix)
    }
    tiles = [
        (split, example)
        for split, examples in splits.items()
        for example in choose(examples, count, seed)
    ]
    if not tiles:
        raise Refused(folder / "splits", "name no images", AGAIN)
    rows = -(-len(tiles) // ACROSS)
    size = (ACROSS * TILE, rows * (TILE + 0.35) + 0.9)
    figure, axes = plt.subplots(rows, ACROSS, figsize=size, squeeze=False, layout="constrained")
    try:
        files = {file.rpartition(".")[0]: file for file in file_names(folder / "images")}
        for axis, (split, example) in zip(axes.flat, tiles, strict=False):
            _draw(axis, folder, meta, example, split, files)
        for axis in axes.flat:
            axis.set_axis_off()
        counts = ", ".join(f"{len(examples)} {name}" for name, examples in splits.items())
        phantom = "PHANTOM, drawn by the suite; " if meta.get("phantom") else ""
        unit = "volumes" if meta["kind"] == "volumes" else "images"
        title = f"{folder.name}: {phantom}{unit} of the splits: {counts}"
        figure.suptitle(title, parse_math=False)
        if meta["kind"] != "classification":
            _legend(figure, meta)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=100)
    finally:
        plt.close(figure)
    write_bytes(out, content.getvalue())
    return out


def _draw(
    axis: Axes,
    folder: Path,
    meta: dict[str, Any],
    example: Example,
    split: str,
    files: dict[str, str],
) -> None:
    name = example.names[0]
    if meta["kind"] == "volumes":
        name = _fullest(folder, example.names)
    has_suffix = meta["kind"] in ("detection", "classification")
    if not has_suffix and name not in files:
        raise Refused(folder, f"has no image {name}, which a split names", AGAIN)
    image = read_image(folder / "images" / (name if has_suffix else files[name]))
    axis.imshow(image, cmap="gray", vmin=0, vmax=255)
    caption = f"{split}: {name if len(name) <= LONGEST else '…' + name[1 - LONGEST :]}"
    if example.label is not None:
        caption += f"\n{meta['classes'][example.label]}"
    axis.set_title(caption, fontsize=7.5, parse_math=False)
    if meta["kind"] in ("segmentation", "volumes"):
        _outline(axis, read_stored(_mask(folder, name)))
    for number, (x, y, width, height) in example.boxes:
        corners = [x, x + width, x + width, x, x], [y, y, y + height, y + height, y]
        axis.plot(*corners, color=_colour(number), linewidth=1.2)


def _outline(axis: Axes, mask: NDArray) -> None:
    """Draw the border of each class, around its outermost pixels."""
    padded = np.pad(mask, 1)
    height, width = padded.shape
    for number in np.unique(mask[mask > 0]):
        inside = (padded == number).astype(float)
        places = np.arange(width) - 1, np.arange(height) - 1
        axis.contour(*places, inside, levels=[0.5], colors=[_colour(int(number))], linewidths=1.0)


def _legend(figure: Any, meta: dict[str, Any]) -> None:
    from matplotlib.lines import Line2D

    first = 1 if meta["kind"] == "detection" else 0
    names = {number: name for number, name in enumerate(meta["classes"], start=first) if number}
    lines = [Line2D([], [], color=_colour(number), label=name) for number, name in names.items()]
    legend = figure.legend(handles=lines, loc="outside lower center", ncols=ACROSS, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _colour(number: int) -> str:
    return COLOURS[(number - 1) % len(COLOURS)]


def _fullest(folder: Path, names: Sequence[str]) -> str:
    """The slice with the most foreground; that in the middle, if none has any."""
    pixels = [np.count_nonzero(read_stored(_mask(folder, name))) for name in names]
    return names[int(np.argmax(pixels))] if any(pixels) else names[len(names) // 2]


def _mask(folder: Path, name: str) -> Path:
    return folder / "masks" / f"{name}.png"
