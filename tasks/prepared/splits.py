"""Splits: published ones, seeded ones, and what must hold for both."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).resolve().parent.parent / "splits"
SEED = 2023


def published(name: str) -> dict[str, Any]:
    """The authors' split of a data set, tasks/splits/NAME.json: names by split; of MMWHS with each patient's slices."""
    return json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))


def carve(
    names: Sequence[str], shares: Mapping[str, float], labels: Sequence | None = None
) -> dict[str, list[str]]:
    """Divide names at random, always in the same way.

    Args:
        names: what is divided; cases, not slices, so that no patient is on both sides.
        shares: of each split, adding up to 1.
        labels: of each name; every label is then divided in these shares.

    Returns:
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


def present(
    wanted: Mapping[str, Iterable[str]], there: Sequence[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """The part of a published split that a download has, and the names that it lacks."""
    found = set(there)
    return (
        {split: [n for n in names if n in found] for split, names in wanted.items()},
        sorted({n for names in wanted.values() for n in names} - found),
    )


def overlaps(
    splits: Mapping[str, Sequence[str]], leaks: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """What is wrong with splits that must be disjoint: a sentence for each pair that shares names.

    Args:
        leaks: pairs that share names in the published protocol, and are known to.
    """
    problems = []
    for a, b in combinations(sorted(splits), 2):
        shared = sorted(set(splits[a]) & set(splits[b]))
        if shared and (a, b) not in leaks and (b, a) not in leaks:
            problems.append(f"splits {a} and {b} share {len(shared)} names, such as {shared[0]}")
    return problems
