"""What is known of a data set before it is downloaded, and the function that prepares it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lvmmed_backbones.layout import Writer

Prepare = Callable[[Path, Writer], None]
PREPARERS: dict[str, tuple[Dataset, Prepare]] = {}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Facts of a data set.

    Attributes
    ----------
    name : str
        In task configs and commands.
    title : str
        The name that its authors use.
    folder : str
        Folder of the download, in the folder of downloads.
    layout : str
        What lies in that folder.
    kind : {"segmentation", "volumes", "detection", "classification"}
        Kind of annotation.
    classes : tuple of str
        Class 0 is the background in segmentation and volumes.
    modality : str
        Modality and organ.
    images : int
        How many a preparer makes of the whole download, in `unit`s.
    unit : {"images", "cases"}
        What is counted.
    foreground : (float, float) or None
        Between which shares of an image the median mask of the download lies, where it was measured: a check reports a
        prepared data set outside of it.
    licence, citation, page : str
        Facts of the data set.
    """

    name: str
    title: str
    folder: str
    layout: str
    kind: Literal["segmentation", "volumes", "detection", "classification"]
    classes: tuple[str, ...]
    modality: str
    images: int
    licence: str
    citation: str
    page: str
    unit: Literal["images", "cases"] = "images"
    foreground: tuple[float, float] | None = None


def prepares(*datasets: Dataset) -> Callable[[Prepare], Prepare]:
    """Register a function as the one that prepares these data sets, and the data sets with it.

    It takes the folder of a download, and the `Writer` of the prepared data set, whose `meta["name"]` tells which.

    Raises
    ------
    ValueError
        If another data set has the name.
    """

    def register(function: Prepare) -> Prepare:
        for dataset in datasets:
            known = PREPARERS.setdefault(dataset.name, (dataset, function))
            if known[0] != dataset:
                raise ValueError(
                    f"two data sets are called {dataset.name}: {known[0].title}, and {dataset.title}. Rename one"
                )
        return function

    return register
