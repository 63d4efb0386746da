"""Look into the images and masks of a prepared data set: for black, constant, empty, shifted or swollen data.

A data set with masks promises foreground in each image or, if its images are slices, in each volume. The data set as a
whole is judged only if it has `ENOUGH` masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused, read_lines
from lvmmed_backbones.layout.borders import Outline, border_fit, outline
from lvmmed_backbones.layout.files import file_names, split_files, such_as
from lvmmed_backbones.layout.reading import read_image, read_stored

FLAT = 8  # grey levels from the darkest to the brightest: fewer are noise. The flattest of 6,000 real images has 39
# Shares of an image's pixels, and of the masks: 1.7 % of ISIC's masks cover so much.
FULL, OFTEN = 0.95, 0.05
ENOUGH, SAMPLE = 32, 128  # masks
# Threshold of `borders.border_fit`. 128 masks have 0.8 (ISIC) to 6 in sound data, and -3 to 0.3 if they are shifted by
# a tenth or more, or belong to other images. With fewer masks their standard error, 1 / sqrt(masks), is added first.
FIT = 0.5


@dataclass
class _Contents:
    """What the images and masks of a data set hold.

    Attributes
    ----------
    problems : list of str
        Sentences about single files.
    shares : dict of str to float
        For each mask, how much of its image is not background.
    classes : dict of str to frozenset of int
        For each image, the classes in its mask.
    flat : list of str
        Images of one grey level.
    outlines : list of Outline
        A sample of images with their masks.
    """

    problems: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)
    classes: dict[str, frozenset[int]] = field(default_factory=dict)
    flat: list[str] = field(default_factory=list)
    outlines: list[Outline] = field(default_factory=list)


def problems_of_contents(folder: Path, meta: Mapping[str, Any]) -> list[str]:
    """Read every image and mask; a sentence for each problem of a file, and for each kind of problem of them all."""
    files = sorted(file_names(folder / "images"))
    paths = [folder / "images" / file for file in files]
    names = [file.rpartition(".")[0] for file in files]
    sliced = meta["kind"] in ("segmentation", "volumes") and any("/" in name for name in names)
    seen = _Contents()
    step, bordered = -(-len(paths) // (2 * SAMPLE if sliced else SAMPLE)), 0
    for name, path in zip(names, paths, strict=True):
        mask_path = folder / "masks" / f"{name}.png"
        image, mask = _read_pair(path, mask_path, len(meta["classes"]), seen.problems)
        if image is not None and int(image.max()) - int(image.min()) < FLAT:
            seen.flat.append(name)
        if image is None or mask is None:
            continue
        seen.shares[name] = np.count_nonzero(mask) / mask.size
        classes = frozenset(c for c in range(len(meta["classes"])) if (mask == c).any())
        seen.classes[name] = classes
        if len(classes) > 1:
            if bordered % step == 0 and (small := outline(image, mask)):
                seen.outlines.append(small)
            bordered += 1
    cases = {name: name.rpartition("/")[0] if sliced else name for name in names}
    return [
        *seen.problems,
        *_about_images(folder, seen, cases),
        *_about_cover(folder, seen, cases),
        *_about_classes(folder, seen, meta["classes"]),
        *_about_fit(folder, seen, meta),
    ]


def _read_pair(
    path: Path, mask_path: Path, classes: int, problems: list[str]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    """Read an image and its mask, each None if it is not there or wrong; add to `problems` what is wrong."""
    image = None
    try:
        image = read_image(path)
        if not mask_path.exists():
            return image, None
        mask = read_stored(mask_path)
    except (FileNotFoundError, Refused) as error:
        problems.append(str(error))
        return image, None
    wrong = []
    if mask.shape != image.shape[:2]:
        wrong.append(f"{mask_path} has the size {mask.shape}, its image {image.shape[:2]}")
    if not 0 <= mask.min() <= mask.max() < classes:
        beyond = mask.max() if mask.max() >= classes else mask.min()
        wrong.append(
            f"{mask_path} has the class {beyond}, but there are {classes} (0 to {classes - 1})"
        )
    problems += wrong
    return image, None if wrong else mask.astype(np.uint8)


def _about_images(folder: Path, seen: _Contents, cases: Mapping[str, str]) -> list[str]:
    """Name black and constant images; of a volume's slices those under a label, or all of them."""
    flat = set(seen.flat)
    parts = _names_by_case(cases)
    dark = [case for case, names in parts.items() if flat.issuperset(names)]
    dark_cases = set(dark)
    dark += [n for n in seen.flat if cases[n] not in dark_cases and seen.shares.get(n, 0) > 0]
    return such_as(f"{folder / 'images'} has", dark, "black or constant images")


def _about_cover(folder: Path, seen: _Contents, cases: Mapping[str, str]) -> list[str]:
    """Name masks without foreground, and masks that leave no background."""
    parts = _names_by_case({name: cases[name] for name in seen.shares})
    empty = [case for case, names in parts.items() if not any(seen.shares[n] for n in names)]
    without_background = [name for name, share in seen.shares.items() if share == 1]
    full = [name for name, share in seen.shares.items() if FULL < share < 1]
    often = full if len(full) > OFTEN * len(seen.shares) else []
    masks = f"{folder / 'masks'} has"
    return [
        *such_as(masks, empty, "cases without foreground"),
        *such_as(masks, without_background, "masks without background"),
        *such_as(masks, often, f"masks that cover more than {FULL:.0%} of their image"),
    ]


def _about_classes(folder: Path, seen: _Contents, classes: Sequence[str]) -> list[str]:
    """Name classes that no mask of a split has."""
    lacking = []
    for path in split_files(folder, ".txt"):
        try:
            names = read_lines(path, within=folder)
        except (FileNotFoundError, Refused):  # `check.problems_of` reports it
            continue
        classes_of_masks = [seen.classes[name] for name in names if name in seen.classes]
        absent = [c for n, c in enumerate(classes) if n not in frozenset().union(*classes_of_masks)]
        if classes_of_masks and absent:
            lacking.append(f"{path.stem} ({', '.join(absent)})")
    return such_as(f"{folder} has", lacking, "splits without a mask of one of the classes")


def _about_fit(folder: Path, seen: _Contents, meta: Mapping[str, Any]) -> list[str]:
    """Name masks that do not follow their images, or cover far more or less than those of the whole download."""
    problems, masks = [], folder / "masks"
    count = len(seen.outlines)
    spread = np.linspace(0, count - 1, min(count, SAMPLE)).astype(int)
    sample = [seen.outlines[number] for number in spread]
    if len(sample) >= ENOUGH:
        fit = border_fit(sample)
        if fit + len(sample) ** -0.5 < FIT:
            problems.append(
                f"{masks}: of {len(sample)} masks, the borders fit the edges of their own images hardly better than "
                f"borders of other masks do (by {fit:.2f} standard deviations). "
                "Are they shifted, swollen or of other images?"
            )
    expected = None if meta.get("phantom") else meta.get("foreground")
    if expected and len(seen.shares) >= ENOUGH:
        low, high = expected
        median = float(np.median(list(seen.shares.values())))
        if not low <= median <= high:
            problems.append(
                f"{masks}: half of the masks cover more than {median:.1%} of their image, half less; in the whole "
                f"download that is {low:.0%} to {high:.0%}. Are they inverted or swollen?"
            )
    return problems


def _names_by_case(cases: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of each case."""
    names_by_case: dict[str, list[str]] = defaultdict(list)
    for name, case in cases.items():
        names_by_case[case].append(name)
    return names_by_case
