"""MedMNIST and MedMNIST+ (Yang et al., Scientific Data 2023) through the package `medmnist`, which fetches them."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.evaluation.data.arrays import PREFIXES, of_archive
from lvmmed_backbones.evaluation.data.labelled import LabelledImages
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.importing import needing

NAME = re.compile(r"([a-z]+mnist(?:3d)?)(?:_(\d+))?")
SMALLEST = 28  # pixels, of files without a size in their name


def is_medmnist(name: str) -> bool:
    """Whether a name is like those of MedMNIST's files."""
    return NAME.fullmatch(name) is not None


def of_medmnist(name: str) -> LabelledImages:
    """A data set of MedMNIST with its own parts, such as "pneumoniamnist" (28 px) or "pneumoniamnist_224".

    Its file lies in MedMNIST's folder, ~/.medmnist, or is fetched. Volumes are read slice by slice, along their first
    axis.

    Raises
    ------
    ModuleNotFoundError
        Without the package.
    ValueError
        If there is no such data set or size, or its images have several labels.
    ConnectionError
        If it cannot be fetched; nothing is left behind.
    Refused
        If the file is not whole, or has other numbers of images than the data set.
    """
    with needing("medmnist"):
        from medmnist import dataset, info
    flag, side = NAME.fullmatch(name).groups()  # type: ignore[union-attr]
    if flag not in info.INFO:
        raise unknown_name("data set of MedMNIST", flag, sorted(info.INFO))
    facts = info.INFO[flag]
    source = getattr(dataset, facts["python_class"])
    size = int(side or SMALLEST)
    if size not in source.available_sizes or side == str(SMALLEST):
        sizes = ", ".join([flag, *(f"{flag}_{each}" for each in source.available_sizes[1:])])
        raise ValueError(f"{name}: there is no such size. Choose from {sizes}")
    if facts["task"].startswith("multi-label"):
        raise ValueError(
            f"{name}: its images have {len(facts['label'])} labels each, which no probe learns together. "
            "Give a CSV with the label of one finding"
        )
    path = Path(info.DEFAULT_ROOT) / f"{name}.npz"
    if not path.is_file():
        _fetch(source, size, path, facts[f"url_{side}" if side else "url"])
    data = of_archive(path)
    _check_counts(path, data, facts["n_samples"])
    return replace(
        data,
        name=name,
        classes=[facts["label"].get(label, label) for label in data.classes],
        ordered=facts["task"] == "ordinal-regression",
    )


def _fetch(source: Any, size: int, path: Path, url: str) -> None:
    """Have the package fetch a file, and compare its checksum; the file appears when it is whole."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        try:
            source(split="val", download=True, size=size, root=scratch)
        except RuntimeError as error:
            cause = error.__context__ or error
            raise ConnectionError(
                f"{path.stem}: {path} is missing, and {url} cannot be fetched ({cause}). "
                "Fetch it by other means, and put it there"
            ) from None
        (Path(scratch) / path.name).replace(path)


def _check_counts(path: Path, data: LabelledImages, samples: dict[str, int]) -> None:
    """Raise Refused if a part of a data set bears its name."""
    found = Counter(part for part, _ in set(zip(data.parts, data.cases, strict=True)))
    for prefix, part in PREFIXES.items():
        expected = samples.get(prefix.rstrip("_"), 0)
        if found[part] != expected:
            reason = f"has {found[part]} {prefix.rstrip('_')} images, of {expected}"
            remedy = "Delete it, so that it is fetched again; a part of a data set needs a name of its own"
            raise Refused(path, reason, remedy)
