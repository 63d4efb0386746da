"""The integrity check of a prepared data set: what is wrong, before hours are lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.prepared.fingerprint import fingerprint
from tasks.prepared.images import KEPT, read_image
from tasks.prepared.splits import overlaps


def check(folder: Path) -> list[str]:
    """Read everything in a prepared data set; a sentence for each problem, none if it is sound.

    Raises:
        FileNotFoundError: if the folder is no prepared data set.
        ValueError: if its meta.json is not whole.
    """
    problems = problems_of(folder)
    meta = read_meta(folder)
    for path in sorted(p for p in (folder / "images").rglob("*") if p.is_file()):
        mask = folder / "masks" / path.relative_to(folder / "images").with_suffix(".png")
        problems += problems_of_image(path, mask, len(meta["classes"]))
    for path in sorted((folder / "splits").glob("*.json")):
        problems += wrong_boxes(path, folder / "images")
    if meta.get("fingerprint") != fingerprint(folder):
        problems.append(
            f"{folder} was changed after it was prepared: its files do not have the fingerprint of meta.json. "
            "Delete it and prepare it again."
        )
    return problems


def read_meta(folder: Path) -> dict[str, Any]:
    """What meta.json says.

    Raises:
        FileNotFoundError: if the folder is no prepared data set.
        ValueError: if the file is not whole.
    """
    path = folder / "meta.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: {folder} is no prepared data set. "
            "Make one by `python -m tasks prepare`."
        )
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole JSON file ({error}). Delete {folder} and prepare it again."
        ) from error


def problems_of_image(path: Path, mask_path: Path, classes: int) -> list[str]:
    """What is wrong with an image and its mask, if it has one."""
    try:
        image = read_image(path)
        if not mask_path.is_file():
            return []
        mask = read_image(mask_path)
    except ValueError as error:
        return [str(error)]
    problems = []
    if mask.shape != image.shape[:2]:
        problems.append(f"{mask_path} has the size {mask.shape}, its image {image.shape[:2]}")
    if mask.max() >= classes:
        problems.append(
            f"{mask_path} has the class {mask.max()}, but there are {classes} (0 to {classes - 1})"
        )
    return problems


def problems_of(folder: Path) -> list[str]:
    """What can be seen without reading an image: its splits, names and labels.

    Raises:
        FileNotFoundError: if the folder is no prepared data set.
        ValueError: if its meta.json is not whole.
    """
    meta = read_meta(folder)
    files = {
        p.relative_to(folder / "images").as_posix()
        for p in (folder / "images").rglob("*")
        if p.suffix in KEPT
    }
    stems = {name.rpartition(".")[0] for name in files}
    problems, splits = [], {}
    for path in sorted((folder / "splits").glob("*.txt")):
        lines = path.read_text().splitlines()
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
            bare = [n for n in names if not (folder / "masks" / f"{n}.png").is_file()]
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


def wrong_boxes(path: Path, folder: Path) -> list[str]:
    """What is wrong with a split of boxes on the images of a folder: a sentence for each kind, with its first image."""
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        return [f"{path} is no whole JSON file ({error})"]
    images = {image["id"]: image for image in content["images"]}
    missing = [i["file_name"] for i in images.values() if not (folder / i["file_name"]).is_file()]
    empty, outside = [], []
    for box in content["annotations"]:
        image = images[box["image_id"]]
        x, y, width, height = box["bbox"]
        if width <= 0 or height <= 0:
            empty.append(image["file_name"])
        # A pixel of slack: some downloads count the last pixel in, others do not.
        elif min(x, y) < -1 or x + width > image["width"] + 1 or y + height > image["height"] + 1:
            outside.append(image["file_name"])
    kinds = (
        (missing, "images that are not there"),
        (empty, "boxes without area"),
        (outside, "boxes that leave their image"),
    )
    return [f"{path} has {len(k)} {what}, such as of {k[0]}" for k, what in kinds if k]
