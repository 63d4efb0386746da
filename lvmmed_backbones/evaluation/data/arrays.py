"""Arrays in memory or in an .npz, with the names of MedMNIST."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.evaluation.data.labelled import TEST, TRAIN, VALID, LabelledImages
from lvmmed_backbones.files.outside import MIB, Refused, opened, refusing

PREFIXES = {"train_": TRAIN, "val_": VALID, "test_": TEST, "": ""}
ARCHIVE = 16 * 1024 * MIB  # bytes of the arrays: PathMNIST at 224 px has 15 GiB


def of_archive(path: Path) -> LabelledImages:
    """An .npz with MedMNIST's names; see `of_arrays`."""
    remedy = "Save it again by numpy.savez"
    with opened(path, most=ARCHIVE) as file, refusing(path, remedy):
        size = sum(entry.file_size for entry in zipfile.ZipFile(file).infolist())
        if size > ARCHIVE:
            raise Refused(path, f"holds {size:,} bytes of arrays, of at most {ARCHIVE:,}", remedy)
        file.seek(0)
        archive = np.load(file, allow_pickle=False)
        arrays = {name: archive[name] for name in archive.files}
    return replace(of_arrays(str(path), arrays), name=path.stem)


def of_arrays(name: str, arrays: Mapping[str, ArrayLike]) -> LabelledImages:
    """train_images, train_labels, val_images, val_labels, test_images, test_labels; images and labels alone, too.

    Images are (N, H, W), (N, H, W, 1) or (N, H, W, 3) uint8; (N, D, H, W) are volumes, of which each slice (H, W) is an
    image.

    Raises
    ------
    ValueError
        Naming the array that is of another form, or lacks labels.
    """
    images: list[NDArray[np.uint8]] = []
    names: list[str] = []
    labels: list[float] = []
    parts: list[str] = []
    volumes: list[str] = []
    sliced = set()
    for prefix, part in PREFIXES.items():
        if f"{prefix}images" not in arrays:
            continue
        pixels = _pixels(name, f"{prefix}images", arrays[f"{prefix}images"])
        own = _labels(name, prefix, arrays.get(f"{prefix}labels", ()), len(pixels))
        sliced.add(is_volumes := pixels.ndim == 4 and pixels.shape[3] != 3)
        for number, (image, label) in enumerate(zip(pixels, own, strict=True)):
            case = f"{part or 'image'}/{number:05}"
            slices = [(f"{case}/{z:03}", image[z]) for z in range(len(image))]
            found = slices if is_volumes else [(case, image)]
            names += [each for each, _ in found]
            images += [each for _, each in found]
            labels += [label] * len(found)
            parts += [part] * len(found)
            volumes += [case] * len(found)
    if not images:
        raise ValueError(f"{name}: no train_images among {', '.join(map(str, arrays))}")
    if len(sliced) > 1:
        raise ValueError(f"{name}: some parts hold volumes, others images. Give one kind")
    classes = sorted(set(labels))
    place = {label: number for number, label in enumerate(classes)}
    return LabelledImages(
        name=name,
        images=images,
        names=names,
        labels=np.array([place[label] for label in labels]),
        parts=np.array(parts),
        classes=[str(label) for label in classes],
        patients=volumes if sliced == {True} else None,
        volumes=volumes if sliced == {True} else None,
    )


def _pixels(name: str, key: str, values: ArrayLike) -> NDArray[np.uint8]:
    """Images (N, H, W) or (N, H, W, 3), or volumes (N, D, H, W)."""
    pixels = np.asarray(values)
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    alpha = pixels.ndim == 4 and pixels.shape[3] in (2, 4)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or alpha or not pixels.size:
        raise ValueError(
            f"{name}: {key} is {pixels.dtype} {pixels.shape}. "
            "Give (N, H, W) or (N, H, W, 3) uint8, without an alpha channel, or volumes (N, D, H, W)"
        )
    return pixels


def _labels(name: str, prefix: str, values: ArrayLike, count: int) -> list:
    """A label for each image."""
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise ValueError(
            f"{name}: {prefix}labels has {labels.shape[1]} columns. Several labels of one image are not "
            "evaluated: choose the column of one finding, and give it as labels"
        )
    if labels.size != count:
        raise ValueError(
            f"{name}: {prefix}images holds {count}, with {labels.size} labels. Give one for each"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name}: {prefix}labels has NaN or infinity. Give a class for each image")
    return labels.reshape(-1).tolist()
