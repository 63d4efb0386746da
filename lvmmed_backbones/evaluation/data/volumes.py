"""From slices to volumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.data.labelled import LabelledImages


def pooled(
    data: LabelledImages, values: NDArray[np.floating]
) -> tuple[LabelledImages, NDArray[np.floating]]:
    """Volumes in place of their slices, each with the mean of its slices' features; other data stay as they are.

    Parameters
    ----------
    data : LabelledImages
        N images.
    values : ndarray of shape (N, D)
        Their features.

    Returns
    -------
    LabelledImages
        Of M volumes, the image of each its middle slice.
    ndarray of shape (M, D)
        Their features.
    """
    if data.volumes is None:
        return data, values
    cases, first, number, counts = np.unique(
        np.asarray(data.volumes), return_index=True, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(cases), *values.shape[1:]), np.float64)
    np.add.at(sums, number, values)
    order = np.argsort(first)  # as they come, and not as their names are sorted
    members = np.split(np.argsort(number, kind="stable"), np.cumsum(counts)[:-1])
    middle = np.array([members[case][counts[case] // 2] for case in order])
    means = (sums / counts.reshape(-1, *[1] * (values.ndim - 1)))[order]
    return (
        replace(
            data,
            images=[data.images[place] for place in middle],
            names=cases[order].tolist(),
            labels=data.labels[middle],
            parts=data.parts[middle],
            patients=None if data.patients is None else [data.patients[p] for p in middle],
            targets=None if data.targets is None else data.targets[middle],
            volumes=None,
        ),
        means.astype(values.dtype),
    )
