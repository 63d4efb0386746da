"""Which images are for training, choosing and testing, and which a smaller share of the labels takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.data.labelled import (
    TEST,
    TRAIN,
    VALID,
    DenseImages,
    LabelledImages,
)

VALID_SHARE, TEST_SHARE = 0.2, 0.2  # of the training images, of all images, where no part is given


Data = TypeVar("Data", bound=LabelledImages | DenseImages)


def draw_parts(data: Data, seed: int) -> Data:
    """The data with a test and a valid part, which are drawn where they are not given.

    The test part is the same for every seed, so that seeds can be compared case by case.
    """
    parts = data.parts.astype("U5")  # room for the longest name
    if not (parts == TEST).any():
        parts[_share(data, np.flatnonzero(parts != VALID), TEST_SHARE, 0)] = TEST
    parts[parts == ""] = TRAIN
    if not (parts == VALID).any():
        parts[_share(data, np.flatnonzero(parts == TRAIN), VALID_SHARE, 1 + seed)] = VALID
    return replace(data, parts=parts)


def fewer_labels(
    data: LabelledImages | DenseImages, fraction: float, seed: int
) -> NDArray[np.int64]:
    """The training images of a share of the labels, whole patients; a smaller share is part of every larger one."""
    places = data.of(TRAIN)
    return places if fraction == 1 else _share(data, places, fraction, seed)


def _share(
    data: LabelledImages | DenseImages, places: NDArray[np.int64], share: float, seed: int
) -> NDArray[np.int64]:
    """A share of images, whole patients at a time, of each class alike: at least one patient of it."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place in places:
        groups[data.patients[place] if data.patients else str(place)].append(int(place))
    strata: dict[int, list[list[int]]] = defaultdict(list)
    for members in groups.values():  # a patient belongs to the class that most of its images have
        strata[Counter(data.labels[members].tolist()).most_common(1)[0][0]].append(members)
    chosen: list[int] = []
    for label, patients in sorted(strata.items()):
        order = np.random.default_rng([seed, label]).permutation(len(patients))
        for number in order[: max(1, round(share * len(patients)))]:
            chosen += patients[number]
    return np.array(sorted(chosen), dtype=np.int64)
