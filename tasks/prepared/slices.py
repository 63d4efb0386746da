"""Cut volumes into slices, as the slice-wise tasks read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.prepared.masks import same_size
from tasks.prepared.writer import Writer


def write_slices(
    writer: Writer, case: str, image: NDArray[np.uint8], labels: NDArray[np.uint8], source: Path
) -> list[str]:
    """Write every slice along the last axis of a volume, and give their names, CASE/000 and on.

    Args:
        image: (X, Y, Z) or (X, Y, Z, 3).
        labels: (X, Y, Z) class indices.
        source: the file of the labels, for the message.

    Raises:
        Refused: if the labels do not cover the image.
    """
    same_size(image, labels, source)
    names = []
    for z in range(labels.shape[2]):
        name = f"{case}/{z:03}"
        writer.mask(
            name, writer.image(name, np.ascontiguousarray(image[:, :, z])), labels[:, :, z], source
        )
        names.append(name)
    return names
