"""Both ways round a comparison says the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reports.compare import Comparison, compare
from reports.records import read
from reports.scores import scores
from reports.site.comparisons import mirrored


@pytest.fixture(scope="module")
def both(results: Path) -> tuple[Comparison, Comparison]:
    records, _ = read(results)
    chosen = [r for r in records if r.profile == "small" and r.label_fraction == 1]
    a, b = (
        scores([r for r in chosen if r.backbone == name])
        for name in ("lvmmed_resnet50", "imagenet_resnet50")
    )
    return compare(a, b), compare(b, a)


def test_exchanged_is_compared_the_other_way(both: tuple[Comparison, Comparison]) -> None:
    there, back = both
    turned = mirrored(there)
    for name in ("a", "b", "only_a", "only_b"):
        assert getattr(turned, name) == getattr(back, name)
    assert turned.improvement == pytest.approx(back.improvement)
    for mine, other in zip(
        *(sorted(one.tasks, key=lambda task: task.task) for one in (turned, back)), strict=True
    ):
        for name in ("task", "seeds_a", "seeds_b", "cases", "left_out"):
            assert getattr(mine, name) == getattr(other, name)
        for name in ("mean_a", "mean_b", "difference", "rank_biserial", "cohens_dz"):
            one, two = getattr(mine, name), getattr(other, name)
            assert one == pytest.approx(two, nan_ok=True), name
        # Resampled anew: the same but for the bootstrap's own error.
        assert (mine.interval.low, mine.interval.high) == pytest.approx(
            (other.interval.low, other.interval.high), abs=0.02
        )
        if {mine.verdict, other.verdict} <= {"A", "B"}:
            assert mine.verdict == other.verdict
    assert any(task.verdict == "B" for task in turned.tasks)


def test_exchanged_twice_is_the_same(both: tuple[Comparison, Comparison]) -> None:
    there, _ = both
    again = mirrored(mirrored(there))
    assert again.improvement == pytest.approx(there.improvement)
    assert repr(dataclasses.replace(again, improvement=there.improvement)) == repr(there)
