"""Prepared data sets of the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lvmmed_backbones.evaluation.data.folders import of_rows
from lvmmed_backbones.evaluation.data.labelled import PARTS, DenseImages, LabelledImages
from lvmmed_backbones.files.outside import Refused, read_lines, refusing
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import file_names

AGAIN = "Prepare the data set again"
LISTS = {part: f"splits/{part}.txt" for part in PARTS}


def of_prepared(path: Path, lists: Mapping[str, str] = LISTS) -> LabelledImages | DenseImages:
    """A prepared data set, for classification, segmentation or volumes; images of one folder are of one patient.

    Parameters
    ----------
    path : Path
        Its folder.
    lists : mapping of str to str
        The list of each part's images, below the folder.

    Raises
    ------
    Refused
        If it is for detection, or a list names what is not there.
    """
    meta = read_meta(path)
    if meta["kind"] == "detection":
        remedy = "Boxes need a trained detector: `python -m benchmarks run` has it"
        raise Refused(path, "is for detection, which no probe does", remedy)
    lines = [
        (line, part)
        for part, file in lists.items()
        for line in read_lines(path / file, within=path)
    ]
    if not lines:
        raise Refused(path / "splits", "name no images", AGAIN)
    dense = meta["kind"] in ("segmentation", "volumes")
    data = _dense(path, meta, lines) if dense else _labelled(path, meta, lines)
    return replace(data, phantom=meta.get("phantom", False), complete=meta.get("complete", True))


def _labelled(path: Path, meta: dict[str, Any], lines: list[tuple[str, str]]) -> LabelledImages:
    rows = []
    with refusing(path / "splits", AGAIN):
        for line, part in lines:
            name, _, label = line.rpartition(" ")
            rows.append((path / "images" / name, meta["classes"][int(label)], part))
    names = [line.rpartition(" ")[0] for line, _ in lines]
    data = of_rows(path.name, path / "images", rows, _patients(names))
    place = {label: number for number, label in enumerate(meta["classes"])}
    labels = np.array([place[label] for _, label, _ in rows])
    return replace(data, labels=labels, classes=meta["classes"])


def _dense(path: Path, meta: dict[str, Any], lines: list[tuple[str, str]]) -> DenseImages:
    names = [name for name, _ in lines]
    files = {file.rpartition(".")[0]: file for file in file_names(path / "images")}
    missing = [name for name in names if name not in files]
    if missing:
        raise Refused(path, f"has no image {missing[0]}, which a split names", AGAIN)
    cases = [name.rpartition("/")[0] for name in names] if meta["kind"] == "volumes" else names
    return DenseImages(
        name=path.name,
        images=[path / "images" / files[name] for name in names],
        masks=[path / "masks" / f"{name}.png" for name in names],
        names=names,
        parts=np.array([part for _, part in lines]),
        classes=meta["classes"],
        patients=_patients(names),
        cases=cases,
        kind=meta["kind"],
        fingerprint=meta["fingerprint"],
    )


def _patients(names: Sequence[str]) -> list[str] | None:
    """The folder of each image, where all lie in folders: a patient's."""
    folders = [name.rpartition("/")[0] for name in names]
    return folders if all(folders) else None
