"""Images to evaluate on: folders, tables, arrays, MedMNIST, prepared data sets, each with its parts and patients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from numpy.typing import ArrayLike

from lvmmed_backbones.evaluation.data.arrays import of_archive, of_arrays
from lvmmed_backbones.evaluation.data.checking import check
from lvmmed_backbones.evaluation.data.folders import of_folder
from lvmmed_backbones.evaluation.data.labelled import (
    PARTS,
    TEST,
    TRAIN,
    VALID,
    DenseImages,
    LabelledImages,
)
from lvmmed_backbones.evaluation.data.medmnist_sets import is_medmnist, of_medmnist
from lvmmed_backbones.evaluation.data.parts import draw_parts, fewer_labels
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.evaluation.data.tables import of_table
from lvmmed_backbones.evaluation.data.volumes import pooled

__all__ = [
    "PARTS",
    "TEST",
    "TRAIN",
    "VALID",
    "DenseImages",
    "LabelledImages",
    "fewer_labels",
    "pooled",
    "read_data",
]


def read_data(
    data: str | Path | LabelledImages | DenseImages | Mapping[str, ArrayLike], seed: int = 0
) -> LabelledImages | DenseImages:
    """The images that somebody names, with what is known of them.

    Parameters
    ----------
    data : str, Path, LabelledImages, DenseImages or mapping
        A folder CLASS/IMAGE or PART/CLASS/IMAGE; a prepared data set of the suite; a CSV with the columns path and
        label, or path and target (a number: regression), and perhaps split and patient; an .npz, or a mapping of
        arrays, with the names of MedMNIST: train_images, train_labels, val_images ...; or a name of MedMNIST, such as
        "pneumoniamnist" or "pneumoniamnist_224", where nothing lies at a path of this name.
    seed : int
        Seed of the valid part, where it is not given: a fifth of the training images, whole patients, of each class
        alike. A test part that is not given is drawn so, too, and is the same for every seed.

    Returns
    -------
    LabelledImages or DenseImages
        The latter of prepared data sets for segmentation and volumes.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ModuleNotFoundError, ConnectionError
        If MedMNIST's package is not installed, or its file cannot be fetched.
    Refused, ValueError
        If it is none of these, or nothing can be learnt from it: see `check`.
    """
    found = data if isinstance(data, LabelledImages | DenseImages) else _read(data)
    return check(found if isinstance(found, DenseImages) else draw_parts(found, seed))


def _read(data: str | Path | Mapping[str, ArrayLike]) -> LabelledImages | DenseImages:
    if isinstance(data, Mapping):
        return of_arrays("arrays", data)
    path = Path(data)
    if not path.exists():
        if is_medmnist(str(data)):
            return of_medmnist(str(data))
        raise FileNotFoundError(
            f"{path}: no such folder or file. Give one, or a name of MedMNIST such as pneumoniamnist"
        )
    if path.suffix == ".csv":
        return of_table(path)
    if path.suffix == ".npz":
        return of_archive(path)
    return of_prepared(path) if (path / "meta.json").is_file() else of_folder(path)
