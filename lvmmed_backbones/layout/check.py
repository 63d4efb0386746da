"""The integrity check of a prepared data set, which finds what is wrong before hours are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from lvmmed_backbones.files.outside import Refused, read_json, read_lines, refusing
from lvmmed_backbones.layout.boxes import FAULTS, fault, number
from lvmmed_backbones.layout.contents import problems_of_contents
from lvmmed_backbones.layout.files import file_names, fingerprint, split_files, such_as
from lvmmed_backbones.layout.reading import KEPT

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Meta(msgspec.Struct):
    """The part of meta.json that is checked."""

    kind: Literal["segmentation", "volumes", "detection", "classification"]
    classes: list[str]
    phantom: bool = False
    complete: bool = True
    leaks: list[list[str]] = []
    disjoint: list[list[str]] = []
    foreground: tuple[_Share, _Share] | None = None


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
    for path in split_files(folder, ".json"):
        problems += _wrong_boxes(path, file_names(folder / "images"))
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
    """Read and check meta.json.

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
    with refusing(path, remedy, "has another form than the preparers write"):
        msgspec.convert(meta, _Meta)
    return meta


def problems_of(folder: Path) -> list[str]:
    """Return the problems that show without reading an image: of splits, names and labels.

    Raises
    ------
    FileNotFoundError
        If the folder is no prepared data set.
    Refused
        If its meta.json is not whole.
    """
    meta = read_meta(folder)
    files = {name for name in file_names(folder / "images") if Path(name).suffix in KEPT}
    masks = file_names(folder / "masks")
    stems = {name.rpartition(".")[0] for name in files}
    problems, splits = [], {}
    for path in split_files(folder, ".txt"):
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
        problems += such_as(f"split {path.stem} names", missing, "images that are not there")
        if labelled:
            problems += _wrong_labels(path, lines, len(meta["classes"]))
        if meta["kind"] in ("segmentation", "volumes"):
            bare = [n for n in names if f"{n}.png" not in masks]
            problems += such_as(f"split {path.stem} has", bare, "images without a mask")
    if not splits:
        problems.append(f"{folder / 'splits'} holds no split")
    leaks = [tuple(pair) for pair in meta.get("leaks", [])]
    for group in meta.get("disjoint", [list(splits)]):
        problems += _overlaps({name: splits[name] for name in group if name in splits}, leaks)
    return problems


def _wrong_labels(path: Path, lines: Sequence[str], classes: int) -> list[str]:
    """Return a sentence if a split of labelled images has labels other than 0 to `classes` - 1."""
    known = set(map(str, range(classes)))
    wrong = [repr(line) for line in lines if line.rpartition(" ")[2] not in known]
    return such_as(f"{path} has", wrong, f"lines that do not end in a label of 0 to {classes - 1}")


def _wrong_boxes(path: Path, files: set[str]) -> list[str]:
    """Return a sentence for each kind of wrong box in a split, with its first image.

    Parameters
    ----------
    files : set of str
        The images that there are.
    """
    try:
        content = read_json(path, "Prepare the data set again", within=path.parent.parent)
    except (FileNotFoundError, Refused) as error:
        return [str(error)]
    faults: dict[str, list[str]] = {"images that are not there": []}
    try:
        images = {image["id"]: image for image in content["images"]}
        names = [image["file_name"] for image in images.values()]
        faults["images that are not there"] += [name for name in names if name not in files]
        for box in content["annotations"]:
            image = images[box["image_id"]]
            corner = dict(zip(("x", "y", "width", "height"), box["bbox"], strict=True))
            x, y, width, height = (number(corner, key) for key in corner)
            size = number(image, "width"), number(image, "height")
            wrong = fault(x, y, x + width, y + height, *size)
            if wrong:
                faults.setdefault(FAULTS[wrong], []).append(image["file_name"])
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        return [f"{path} is not as the preparers write it ({type(error).__name__}: {error})"]
    return [line for kind, names in faults.items() for line in such_as(f"{path} has", names, kind)]


def _overlaps(
    splits: Mapping[str, Sequence[str]], leaks: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """Return a sentence for each pair of splits that must be disjoint and share names.

    Parameters
    ----------
    leaks : sequence of (str, str)
        Pairs that share names in the published protocol, and are known to.
    """
    problems = []
    for a, b in combinations(sorted(splits), 2):
        if (a, b) not in leaks and (b, a) not in leaks:
            shared = sorted(set(splits[a]) & set(splits[b]))
            problems += such_as(f"splits {a} and {b} share", shared, "names")
    return problems
