"""What is known of a data set before it is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Facts of a data set.

    Attributes:
        title: as its authors call it.
        folder: of the download, in the folder of downloads.
        layout: what lies in that folder.
        kind: of annotation.
        classes: class 0 is the background in segmentation and volumes.
        modality: and organ.
        images: how many a preparer makes of the whole download (of volumes: cases).
        foreground: between which shares of an image the median mask of the download lies, where it was measured: a
            check reports a prepared data set outside of it.
        licence, citation, page: of the data set.
    """

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
    foreground: tuple[float, float] | None = None
