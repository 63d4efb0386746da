"""What images must be to be learnt from."""

from __future__ import annotations

import numpy as np

from lvmmed_backbones.evaluation.data.labelled import PARTS, TRAIN, DenseImages, LabelledImages


def check(data: LabelledImages | DenseImages) -> LabelledImages | DenseImages:
    """The data, once they can be learnt from.

    Raises
    ------
    ValueError
        If what is known of the images is of other lengths; if they have one class, a class without training images, a
        part without images, a patient in two parts, or targets that are no numbers or all the same.
    """
    _check_lengths(data)
    for part in PARTS:
        if not len(data.of(part)):
            raise ValueError(f"{data.name} has no {part} images: add some")
    if isinstance(data, LabelledImages) and data.targets is not None:
        wrong = np.flatnonzero(~np.isfinite(data.targets))
        if len(wrong):
            raise ValueError(
                f"{data.name}: the target of {data.names[wrong[0]]} is {data.targets[wrong[0]]}: "
                "give a number, or leave the image out"
            )
        if np.ptp(data.targets[data.of(TRAIN)]) == 0:
            raise ValueError(f"{data.name}: all training images have one target: nothing to learn")
    elif len(data.classes) < 2:
        raise ValueError(f"{data.name} has one class, {data.classes[0]!r}: give at least two")
    elif isinstance(data, LabelledImages):
        _check_labels(data)
    if data.patients:
        seen: dict[str, str] = {}
        for patient, part in zip(data.patients, data.parts, strict=True):
            if seen.setdefault(patient, part) != part:
                raise ValueError(
                    f"{data.name}: patient {patient} is in {seen[patient]} and in {part}. Split by patients"
                )
    return data


def _check_lengths(data: LabelledImages | DenseImages) -> None:
    count = len(data)
    for field in ("names", "parts", "labels", "patients", "targets", "volumes", "masks", "cases"):
        known = getattr(data, field, None)
        if known is not None and len(known) != count:
            raise ValueError(
                f"{data.name} has {count} images and {len(known)} {field}: give one each"
            )
    if not count or not len(data.classes):
        raise ValueError(f"{data.name} has no images, or no classes: give some")


def _check_labels(data: LabelledImages) -> None:
    if data.labels.dtype.kind not in "iu" or not 0 <= data.labels.min() <= data.labels.max() < len(
        data.classes
    ):
        raise ValueError(
            f"{data.name} has labels of {data.labels.min()} to {data.labels.max()} ({data.labels.dtype}): "
            f"give whole numbers of 0 to {len(data.classes) - 1}"
        )
    counts = np.bincount(data.labels[data.of(TRAIN)], minlength=len(data.classes))
    if not counts.all():
        lacking = data.classes[int(counts.argmin())]
        raise ValueError(
            f"{data.name}: class {lacking!r} has no training images. Add some, or leave the class out"
        )
