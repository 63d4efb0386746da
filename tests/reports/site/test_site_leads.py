"""What is said of a lead: against the opponents shown, corrected for them and for the choice of the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reports.reading.scores import Scores
from reports.render.site.leads import compare_with_best


def scored(
    backbone: str, mean: float, seeds: int = 3, spread: float = 0.01, cases: Sequence[str] = ()
) -> Scores:
    """A backbone on a task; without cases unless they are named."""
    random = np.random.default_rng(len(backbone) + int(1000 * mean))
    names = tuple(cases)
    values = np.clip(mean + spread * random.normal(size=(seeds, max(len(names), 1))), 0, 1)
    return Scores(
        backbone=backbone,
        task="drive",
        protocol="finetune",
        metric="dice" if names else "map50",
        seeds=tuple(range(seeds)),
        cases=names,
        strata=np.zeros(len(names), np.int64),
        values=values if names else np.zeros((seeds, 0)),
        headlines=values.mean(1),
    )  # fmt: skip


def test_the_verdicts_are_against_each_other_backbone() -> None:
    found = compare_with_best([scored("a", 0.9), scored("b", 0.895), scored("c", 0.5)])
    assert [(one.backbone, one.verdict) for one in found] == [("b", "open"), ("c", "better")]
    assert found[1].p == "< 0.001" and found[1].difference.startswith("+3")


def test_more_opponents_make_a_lead_less_sure() -> None:
    """The issue: the correction was for the tasks of a pair, whatever number of opponents the table shows."""
    lead, *equals = (scored(f"{n:02}", 0.6) for n in range(21))
    for one in equals:
        one.headlines[:] = 0.59, 0.60, 0.61
    lead.headlines[:] = 0.618, 0.628, 0.638
    few, many = compare_with_best([lead, equals[0]]), compare_with_best([lead, *equals])
    assert few[0].verdict == "better" and many[0].verdict == "open"
    assert float(many[0].p) > float(few[0].p)


def test_no_difference_is_not_negative() -> None:
    best, other = scored("a", 0.6), scored("b", 0.6)
    other.headlines[:] = best.headlines[::-1] + 1e-5
    (found,) = compare_with_best([best, other])
    assert found.difference == "+0.0" and found.verdict == "open"


def test_equals_lead_in_few_studies() -> None:
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        some = [scored(f"b{n}", 0.6) for n in range(8)]
        for one in some:
            one.headlines[:] = 0.6 + 0.02 * random.normal(size=3)
        some.sort(key=lambda one: -one.headlines.mean())
        wrong += any(one.verdict == "better" for one in compare_with_best(some))
    assert wrong <= 20, "in 5 % of studies, give or take"


def test_one_seed_says_nothing_of_others() -> None:
    cases = [f"{n}" for n in range(20)]
    found = compare_with_best([scored("a", 0.9, 1, cases=cases), scored("b", 0.5, 1, cases=cases)])
    assert [(one.verdict, one.interval, one.p) for one in found] == [("untested", "–", "–")]
    found = compare_with_best([scored("a", 0.9), scored("b", 0.5), scored("c", 0.4, 1)])
    assert [one.verdict for one in found] == ["better", "untested"]


def test_a_best_one_that_is_worse_on_the_common_cases_is_not_called_better() -> None:
    cases = [f"{n:02}" for n in range(40)]
    best, other = scored("a", 0.5, cases=cases), scored("b", 0.7, cases=cases[:20])
    best.values[:, 20:] = 1.0
    best.headlines[:] = best.values.mean(1)
    assert best.headlines.mean() > other.headlines.mean()
    assert [one.verdict for one in compare_with_best([best, other])] == ["worse"]


@pytest.mark.parametrize("others", [[], [("b", 4)]])
def test_a_backbone_without_opponents_or_common_cases(others: list[tuple[str, int]]) -> None:
    best = scored("a", 0.9, cases=["1", "2"])
    found = compare_with_best([best, *(scored(name, 0.5, cases=["3"]) for name, _ in others)])
    assert [one.verdict for one in found] == ["untested"] * len(others)
