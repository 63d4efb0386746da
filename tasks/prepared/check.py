"""The integrity check of a prepared data set: what is wrong, before hours are lost."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.prepared.images import KEPT, read_image
from tasks.prepared.splits import overlaps


def check(folder: Path) -> list[str]:
    """Read everything in a prepared data set; a sentence for each problem, none if it is sound.

    Raises:
        FileNotFoundError: if the folder is no prepared data set.
    """
    problems = problems_of(folder)
    meta = json.loads((folder / "meta.json").read_text())
    classes = len(meta["classes"])
    for path in sorted(p for p in (folder / "images").rglob("*") if p.is_file()):
        try:
            image = read_image(path)
            mask_path = folder / "masks" / path.relative_to(folder / "images").with_suffix(".png")
            if mask_path.is_file():
                mask = read_image(mask_path)
                if mask.shape != image.shape[:2]:
                    problems.append(
                        f"{mask_path} has the size {mask.shape}, its image {image.shape[:2]}"
                    )
                if mask.max() >= classes:
                    problems.append(
                        f"{mask_path} has the class {mask.max()}, but there are {classes} (0 to {classes - 1})"
                    )
        except ValueError as error:
            problems.append(str(error))
    return problems


def problems_of(folder: Path) -> list[str]:
    """What can be seen without reading an image: empty and overlapping splits, names without image or mask.

    Raises:
        FileNotFoundError: if the folder is no prepared data set.
    """
    if not (folder / "meta.json").is_file():
        raise FileNotFoundError(
            f"{folder / 'meta.json'} is missing: {folder} is no prepared data set. "
            "Make one by `python -m tasks prepare`."
        )
    meta = json.loads((folder / "meta.json").read_text())
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
