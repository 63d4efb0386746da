"""Splits: the authors' published ones, each a file beside this module, and seeded ones."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).resolve().parent
SEED = 2023


def published_split(name: str) -> dict[str, Any]:
    """Return the authors' split of a data set, tasks/splits/NAME.json: names by split; MMWHS: each patient's slices."""
    return json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))


def carve(
    names: Sequence[str], shares: Mapping[str, float], labels: Sequence | None = None
) -> dict[str, list[str]]:
    """Divide names at random, always in the same way.

    Parameters
    ----------
    names : sequence of str
        What is divided; cases, not slices, so that no patient is on both sides.
    shares : mapping of str to float
        Share of each split; they add up to 1.
    labels : sequence, optional
        Label of each name; every label is then divided in these shares.

    Returns
    -------
    dict of str to list of str
        The names of each split, sorted.
    """
    groups = defaultdict(list)
    for name, label in zip(names, labels or [0] * len(names), strict=True):
        groups[label].append(name)
    result: dict[str, list[str]] = {split: [] for split in shares}
    for label in sorted(groups):
        members = sorted(groups[label])
        random.Random(f"{SEED}-{label}").shuffle(members)
        start, share = 0, 0.0
        for split in shares:
            share += shares[split]
            end = round(share * len(members))
            result[split] += members[start:end]
            start = end
    return {split: sorted(members) for split, members in result.items()}


def released_validation(names: Sequence[str], share: float) -> dict[str, list[str]]:
    """Draw the valid images of LVM-Med's released classification from the training images (cls50:75).

    scikit-learn's train_test_split over indices, not stratified, with the seed 42: the same in all trials.

    Parameters
    ----------
    names : sequence of str
        The training images in torchvision's order of a folder of classes: by class, then by file name.
    share : float
        Of the images that are valid images, rounded up.

    Returns
    -------
    dict of str to list of str
        `release_train` and `release_valid`, in the order of the draw.
    """
    from sklearn.model_selection import train_test_split  # here, since it takes a second to import

    train, valid = train_test_split(list(names), test_size=share, random_state=42)
    return dict(release_train=train, release_valid=valid)


def keep_present(
    wanted: Mapping[str, Iterable[str]], there: Sequence[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the part of a published split that a download has, and the names that it lacks."""
    present = set(there)
    return (
        {split: [n for n in names if n in present] for split, names in wanted.items()},
        sorted({n for names in wanted.values() for n in names} - present),
    )
