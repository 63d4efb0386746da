"""Phantoms: every data set, drawn from a seed, in the layout of its download.

They stand in for downloads wherever there is none. Shapes and textures look like the modality at first sight, and the
target differs from distractors in texture and shape. Scores on phantoms say nothing about medicine.
A new phantom is a function that draws it, after `@phantom(NAME)`, in a file beside this one or anywhere.
"""

from __future__ import annotations

import pkgutil
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.importing import import_added
from tasks import datasets
from tasks.phantoms.canvas import PHANTOMS, Draw, phantom

__all__ = ["generate", "names", "phantom"]


def names() -> list[str]:
    """Return the data sets that have a phantom."""
    return [name for name in datasets.names() if name in _known()]


def _known() -> Mapping[str, Draw]:
    """Return the functions that draw, by data set: those of the files beside this one, and of plugins."""
    for module in pkgutil.iter_modules(__path__):
        import_added(__name__, module.name)
    return PHANTOMS


def generate(name: str, out: Path, seed: int = 0) -> Path:
    """Draw the phantom of a data set; the same seed draws the same bytes.

    Parameters
    ----------
    name : str
        The name of the data set.
    out : Path
        The folder of downloads; the phantom lies in it as the download would.

    Returns
    -------
    Path
        The download's folder.

    Raises
    ------
    ValueError
        If there is no such data set, or it has no phantom.
    FileExistsError
        If a real download lies there; DiskFull, OSError: if it cannot be written.
    """
    dataset = datasets.get(name)
    if name not in names():
        raise ValueError(
            f"{name} has no phantom: download it from {dataset.page}, or draw one of {', '.join(names())}"
        )
    folder = out / dataset.folder
    if folder.is_dir() and not (folder / datasets.PHANTOM).is_file():
        raise FileExistsError(
            f"{folder} holds a download: phantoms are drawn into a folder of their own"
        )
    with replacing_folder(folder) as scratch:
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        _known()[name](scratch, rng)
        (scratch / datasets.PHANTOM).write_text(f"drawn by lvmmed-bench, seed {seed}\n")
    return folder
