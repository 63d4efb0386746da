"""Folders of images: CLASS/IMAGE, or PART/CLASS/IMAGE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lvmmed_backbones.evaluation.data.labelled import TEST, TRAIN, VALID, LabelledImages
from lvmmed_backbones.files.folders import is_clutter
from lvmmed_backbones.files.outside import Refused

SPELLINGS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALID,
    "valid": VALID,
    "validation": VALID,
    "dev": VALID,
    "test": TEST,
    "testing": TEST,
}
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
MASK = re.compile(r"(.+)_mask(_\d+)?")  # beside its image, as in BUSI


def of_folder(path: Path) -> LabelledImages:
    """CLASS/IMAGE, or PART/CLASS/IMAGE; masks beside their images are left out, and so is what is no image.

    Raises
    ------
    Refused
        If it holds no images, or a class's folder does.
    """
    folders = _folders(path)
    parts = {child: SPELLINGS.get(child.name.lower(), "") for child in folders}
    left_out: list[Path] = []
    if any(parts.values()):
        left_out += [child for child, part in parts.items() if not part]
    else:
        parts = {path: ""}
    rows = []
    for folder, part in parts.items():
        if not part and folder != path:
            continue
        for label in _folders(folder):
            files = [file for file in sorted(label.rglob("*")) if _is_meant(file, label)]
            images = [file for file in files if file.suffix.lower() in ENDINGS]
            stems = {(file.parent, file.stem) for file in images}
            masks = {file for file in images if _is_mask(file, stems)}
            if not images:
                raise Refused(label, "holds no images", "Add some, or take the folder out")
            left_out += [file for file in files if file in masks or file not in images]
            rows += [(file, label.name, part) for file in images if file not in masks]
    if not rows:
        raise Refused(path, "holds no images", "Put them into a folder for each class")
    return replace(of_rows(path.name, path, rows, None), notes=_notes(path, left_out))


def of_rows(
    name: str, folder: Path, rows: Sequence[tuple[Path, str, str]], patients: Sequence[str] | None
) -> LabelledImages:
    """Files with their class and part; names are relative to a folder where they lie in it."""
    files, labels, parts = zip(*rows, strict=True)
    classes = sorted(set(labels))
    place = {label: number for number, label in enumerate(classes)}
    return LabelledImages(
        name=name,
        images=files,
        names=[str(f.relative_to(folder)) if f.is_relative_to(folder) else str(f) for f in files],
        labels=np.array([place[label] for label in labels]),
        parts=np.array(parts),
        classes=classes,
        patients=patients,
    )


def _folders(path: Path) -> list[Path]:
    return [c for c in sorted(path.iterdir()) if c.is_dir() and not is_clutter(c.name)]


def _is_meant(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(map(is_clutter, file.relative_to(folder).parts))


def _is_mask(file: Path, stems: set[tuple[Path, str]]) -> bool:
    """Whether a file is the mask of an image beside it."""
    found = MASK.fullmatch(file.stem)
    return found is not None and (file.parent, found[1]) in stems


def _notes(path: Path, left_out: list[Path]) -> tuple[str, ...]:
    if not left_out:
        return ()
    example = left_out[0].relative_to(path)
    return (
        f"{path.name}: {len(left_out)} masks, files or folders that are no images were left out, such as {example}.",
    )
