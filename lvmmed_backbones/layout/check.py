"""The integrity check of a prepared data set: what is wrong, before hours are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from lvmmed_backbones.files.outside import Refused, read_json, read_lines
from lvmmed_backbones.layout.boxes import FAULTS, fault, number
from lvmmed_backbones.layout.contents import problems_of_contents
from lvmmed_backbones.layout.files import fingerprint, lists_of, names_of
from lvmmed_backbones.layout.images import KEPT

KINDS = ("segmentation", "volumes", "detection", "classification")


def check(folder: Path) -> list[str]:
    """Read everything in a prepared data set; a sentence for each problem, none if it is sound.

    Raises
    ------
    FileNotFoundError
        If the folder is no prepared data set.
    Refused
        If its meta.json is not whole.
    """
    problems = problems_of(folder)
    meta = read_meta(folder)
    problems += problems_of_contents(folder, meta)
    for path in lists_of(folder, ".json"):
        problems += wrong_boxes(path, names_of(folder / "images"))
    try:
        changed = meta.get("fingerprint") != fingerprint(folder)
    except (FileNotFoundError, Refused) as error:
        return [*problems, str(error)]
    if changed:
        problems.append(
            f"{folder} was changed after it was prepared: its files do not have the fingerprint of meta.json. "
            "Delete it and prepare it again."
        )
    return problems


def read_meta(folder: Path) -> dict[str, Any]:
    """What meta.json says.

    Raises
    ------
    FileNotFoundError
        If the folder is no prepared data set.
    Refused
        If the file is not whole, or of another structure.
    """
    path = folder / "meta.json"
    remedy = f"Delete {folder} and prepare it again"
    try:
        meta = read_json(path, remedy, within=folder)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing: {folder} is no prepared data set. "
            "Make one by `python -m tasks prepare`."
        ) from None
    if not isinstance(meta, dict) or meta.get("kind") not in KINDS:
        raise Refused(path, f"tells no kind of annotation ({', '.join(KINDS)})", remedy)
    for key, what in (("classes", str), ("leaks", list), ("disjoint", list)):
        values = meta.get(key, () if key != "classes" else None)
        if not isinstance(values, list | tuple) or not all(
            isinstance(value, what) and all(isinstance(name, str) for name in value)
            for value in values
        ):
            raise Refused(path, f"has {key} of another form than the preparers write", remedy)
    share = meta.get("foreground")
    if share is not None and (
        not isinstance(share, list) or [type(value) for value in share] != [float, float]
    ):
        raise Refused(path, "has a foreground that is no two numbers", remedy)
    return meta


def problems_of(folder: Path) -> list[str]:
    """What can be seen without reading an image: its splits, names and labels.

    Raises
    ------
    FileNotFoundError
        If the folder is no prepared data set.
    Refused
        If its meta.json is not whole.
    """
    meta = read_meta(folder)
    files = {name for name in names_of(folder / "images") if Path(name).suffix in KEPT}
    masks = names_of(folder / "masks")
    stems = {name.rpartition(".")[0] for name in files}
    problems, splits = [], {}
    for path in lists_of(folder, ".txt"):
        try:
            lines = read_lines(path, within=folder)
        except (FileNotFoundError, Refused) as error:
            problems.append(str(error))
            continue
        labelled = meta["kind"] == "classification"
        names = [line.rpartition(" ")[0] if labelled else line for line in lines]
        splits[path.stem] = names
        if not names:
            problems.append(f"split {path.stem} is empty: the download lacks all of its images")
        missing = sorted(set(names) - (files if labelled else stems))
        if missing:
            problems.append(
                f"split {path.stem} names {len(missing)} images that are not there, such as {missing[0]}"
            )
        if labelled:
            problems += wrong_labels(path, lines, len(meta["classes"]))
        if meta["kind"] in ("segmentation", "volumes"):
            bare = [n for n in names if f"{n}.png" not in masks]
            if bare:
                problems.append(
                    f"{len(bare)} images of split {path.stem} have no mask, such as {bare[0]}"
                )
    if not splits:
        problems.append(f"{folder / 'splits'} holds no split")
    leaks = [tuple(pair) for pair in meta.get("leaks", [])]
    for group in meta.get("disjoint", [list(splits)]):
        problems += overlaps({name: splits[name] for name in group if name in splits}, leaks)
    return problems


def wrong_labels(path: Path, lines: Sequence[str], classes: int) -> list[str]:
    """A sentence if a split of labelled images has labels other than 0 to `classes` - 1."""
    known = set(map(str, range(classes)))
    wrong = [line for line in lines if line.rpartition(" ")[2] not in known]
    if not wrong:
        return []
    return [
        f"{path}: {len(wrong)} lines do not end in a label of 0 to {classes - 1}, such as {wrong[0]!r}"
    ]


def wrong_boxes(path: Path, files: set[str]) -> list[str]:
    """What is wrong with a split of boxes: a sentence for each kind, with its first image.

    Parameters
    ----------
    files : set of str
        The images that there are.
    """
    try:
        content = read_json(path, "Prepare the data set again", within=path.parent.parent)
    except (FileNotFoundError, Refused) as error:
        return [str(error)]
    missing: list[str] = []
    faults: dict[str, list[str]] = {}
    try:
        images = {image["id"]: image for image in content["images"]}
        missing = [i["file_name"] for i in images.values() if i["file_name"] not in files]
        for box in content["annotations"]:
            image = images[box["image_id"]]
            corner = dict(zip(("x", "y", "width", "height"), box["bbox"], strict=True))
            x, y, width, height = (number(corner, key) for key in corner)
            size = number(image, "width"), number(image, "height")
            found = fault(x, y, x + width, y + height, *size)
            if found:
                faults.setdefault(FAULTS[found], []).append(image["file_name"])
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        return [f"{path} is not as the preparers write it ({type(error).__name__}: {error})"]
    kinds = ((missing, "images that are not there"), *((k, what) for what, k in faults.items()))
    return [f"{path} has {len(k)} {what}, such as of {k[0]}" for k, what in kinds if k]


def overlaps(
    splits: Mapping[str, Sequence[str]], leaks: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """What is wrong with splits that must be disjoint: a sentence for each pair that shares names.

    Parameters
    ----------
    leaks : sequence of (str, str)
        Pairs that share names in the published protocol, and are known to.
    """
    problems = []
    for a, b in combinations(sorted(splits), 2):
        shared = sorted(set(splits[a]) & set(splits[b]))
        if shared and (a, b) not in leaks and (b, a) not in leaks:
            problems.append(f"splits {a} and {b} share {len(shared)} names, such as {shared[0]}")
    return problems
