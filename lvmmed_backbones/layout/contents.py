"""What the images of a prepared data set hold and its masks cover: black, constant, empty, shifted or swollen data.

Where masks are, a data set promises foreground in each image or, if its images are slices, in each volume. What is
judged for the data set as a whole is judged from `ENOUGH` masks on; fewer say too little.
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
from lvmmed_backbones.layout.borders import Outline, agreement, outline
from lvmmed_backbones.layout.files import lists_of, names_of
from lvmmed_backbones.layout.images import read_image
from lvmmed_backbones.layout.masks import read_classes

FLAT = 8  # grey levels from the darkest to the brightest: less is noise. The flattest of 6,000 real images has 39
FULL, OFTEN = 0.95, 0.05  # of an image's pixels; of the masks: 1.7 % of ISIC's cover that much
ENOUGH, SAMPLE = 32, 128  # masks
# Of `borders.agreement`. 128 masks have 0.8 (ISIC) to 6 in sound data, -3 to 0.3 if they are shifted by a tenth or
# more, or of other images. Fewer say less: the standard error, 1 / sqrt(masks), is added before they are judged.
FIT = 0.5


@dataclass
class Contents:
    """What was seen of a data set.

    Attributes
    ----------
    problems : list of str
        Sentences about single files.
    shares : dict of str to float
        Of each mask, how much of its image is not background.
    classes : dict of str to frozenset of int
        Of each image, the classes in its mask.
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
    files = sorted(names_of(folder / "images"))
    paths = [folder / "images" / file for file in files]
    names = [file.rpartition(".")[0] for file in files]
    sliced = meta["kind"] in ("segmentation", "volumes") and any("/" in name for name in names)
    seen = Contents()
    step, bordered = -(-len(paths) // (2 * SAMPLE if sliced else SAMPLE)), 0
    for name, path in zip(names, paths, strict=True):
        mask_path = folder / "masks" / f"{name}.png"
        image, mask = read_pair(path, mask_path, len(meta["classes"]), seen.problems)
        if image is not None and int(image.max()) - int(image.min()) < FLAT:
            seen.flat.append(name)
        if image is None or mask is None:
            continue
        seen.shares[name] = np.count_nonzero(mask) / mask.size
        found = frozenset(c for c in range(len(meta["classes"])) if (mask == c).any())
        seen.classes[name] = found
        if len(found) > 1:
            if bordered % step == 0 and (small := outline(image, mask)):
                seen.outlines.append(small)
            bordered += 1
    cases = {name: name.rpartition("/")[0] if sliced else name for name in names}
    return [
        *seen.problems,
        *about_images(folder, seen, cases),
        *about_cover(folder, seen, cases),
        *about_classes(folder, seen, meta["classes"]),
        *about_fit(folder, seen, meta),
    ]


def read_pair(
    path: Path, mask_path: Path, classes: int, problems: list[str]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    """An image and its mask, each None if it is not there or wrong; `problems` gets a sentence for what is wrong."""
    image = None
    try:
        image = read_image(path)
        if not mask_path.exists():
            return image, None
        mask = read_classes(mask_path)
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


def about_images(folder: Path, seen: Contents, cases: Mapping[str, str]) -> list[str]:
    """Black and constant images; of a volume's slices those under a label, or all of them."""
    flat = set(seen.flat)
    parts = members(cases)
    dark = [case for case, names in parts.items() if flat.issuperset(names)]
    whole = set(dark)
    dark += [n for n in seen.flat if cases[n] not in whole and seen.shares.get(n, 0) > 0]
    if not dark:
        return []
    return [f"{folder / 'images'} has {len(dark)} black or constant images, such as {dark[0]}"]


def about_cover(folder: Path, seen: Contents, cases: Mapping[str, str]) -> list[str]:
    """Masks without foreground, and masks that leave nothing else."""
    problems, masks = [], folder / "masks"
    parts = members({name: cases[name] for name in seen.shares})
    empty = [case for case, names in parts.items() if not any(seen.shares[n] for n in names)]
    if empty:
        problems.append(f"{masks} has {len(empty)} cases without foreground, such as {empty[0]}")
    whole = [name for name, share in seen.shares.items() if share == 1]
    if whole:
        problems.append(f"{masks} has {len(whole)} masks without background, such as {whole[0]}")
    full = [name for name, share in seen.shares.items() if FULL < share < 1]
    if len(full) > OFTEN * len(seen.shares):
        problems.append(
            f"{masks} has {len(full)} masks that cover more than {FULL:.0%} of their image, such as {full[0]}"
        )
    return problems


def about_classes(folder: Path, seen: Contents, classes: Sequence[str]) -> list[str]:
    """Classes that no mask of a split has."""
    lacking = []
    for path in lists_of(folder, ".txt"):
        try:
            names = read_lines(path, within=folder)
        except (FileNotFoundError, Refused):  # `check.problems_of` says so
            continue
        found = [seen.classes[name] for name in names if name in seen.classes]
        absent = [c for n, c in enumerate(classes) if n not in frozenset().union(*found)]
        if found and absent:
            lacking.append(f"{path.stem} ({', '.join(absent)})")
    if not lacking:
        return []
    return [f"{len(lacking)} splits have no mask with one of the classes, such as {lacking[0]}"]


def about_fit(folder: Path, seen: Contents, meta: Mapping[str, Any]) -> list[str]:
    """Masks that do not follow their images, or are far larger or smaller than those of the whole download."""
    problems, masks = [], folder / "masks"
    count = len(seen.outlines)
    spread = np.linspace(0, count - 1, min(count, SAMPLE)).astype(int)
    sample = [seen.outlines[number] for number in spread]
    if len(sample) >= ENOUGH:
        fit = agreement(sample)
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


def members(cases: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of each case."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, case in cases.items():
        found[case].append(name)
    return found
