"""Two backbones on the same cases: against scipy, enumeration and simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reports.scores import Scores, means
from reports.statistics.calibration import MODELS, Model, false_positives, settled
from reports.statistics.effects import cohens_dz, rank_biserial
from reports.statistics.paired import (
    Differences,
    Pair,
    difference,
    difference_interval,
    differences,
    levels,
    pair,
)
from reports.statistics.planning import more_seeds
from reports.statistics.testing import Test, backbones_test, holm, sign_flip, wilcoxon


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(
    values: np.ndarray, name: str = "a", cases: Sequence[str] | None = None, sites: int = 1
) -> Scores:
    seeds, number = values.shape
    strata = np.arange(number) % sites
    names = tuple(cases or (f"{case:03}" for case in range(number)))
    return Scores(
        name, "drive", "finetune", "dice", tuple(range(seeds)), names, strata, values,
        means(values, strata),
    )  # fmt: skip


def without_cases(headlines: Sequence[float], name: str = "a") -> Scores:
    one = scores(np.zeros((len(headlines), 0)), name, ())
    return replace(one, metric="map50", headlines=np.array(headlines))


def plain(values: np.ndarray) -> Differences:
    return Differences(values, np.full(len(values), 1 / len(values)))


def study(seeds: int = 3, cases: int = 30, lead: float = 0.0, sites: int = 1) -> Pair:
    values = rng().normal(0.6, 0.05, size=(2, seeds, cases))
    return pair(scores(values[0] + lead, sites=sites), scores(values[1], "b", sites=sites))


# The pair


def test_cases_that_one_of_the_two_lacks_are_left_out_and_counted() -> None:
    one = scores(np.array([[0.1, 0.2, 0.3, np.nan]]), cases="abcd")
    other = scores(np.array([[0.3, 0.1, 0.5, 0.9]]), "b", cases="bcde")
    both = pair(one, other)
    assert both.left_out == 3  # a; d is undefined for one; e
    assert both.a.tolist() == [[0.2, 0.3]] and both.b.tolist() == [[0.3, 0.1]]
    assert difference(both) == pytest.approx(0.25 - 0.2)


def test_a_case_undefined_for_both_is_not_counted_as_left_out() -> None:
    one = scores(np.array([[0.1, np.nan]]))
    assert pair(one, replace(one, backbone="b")).left_out == 0


def test_seeds_may_differ_in_number() -> None:
    values = rng().uniform(size=(5, 8))
    both = pair(scores(values[:4]), scores(values[4:], "b"))
    assert difference(both) == pytest.approx(values[:4].mean() - values[4].mean())
    assert not levels(both).seeds


def test_each_site_counts_alike() -> None:
    one = scores(np.array([[0.9, 0.5, 0.7]]))
    one = replace(one, strata=np.array([0, 1, 1]), headlines=np.array([0.75]))
    other = replace(one, backbone="b", values=np.zeros((1, 3)), headlines=np.zeros(1))
    by_case = differences(pair(one, other))
    assert by_case.values.tolist() == [0.9, 0.5, 0.7]
    assert by_case.weights.tolist() == [0.5, 0.25, 0.25]
    assert difference(pair(one, other)) == pytest.approx(0.75)


def test_slices_of_a_patient_are_one_difference() -> None:
    cases = ("HK/1/000", "HK/1/001", "HK/1/002", "HK/2/000")
    one = scores(np.array([[0.1, 0.2, 0.6, 0.5]]), cases=cases)
    by_case = differences(pair(one, scores(np.zeros((1, 4)), "b", cases)))
    assert by_case.values == pytest.approx([0.3, 0.5])
    assert by_case.weights == pytest.approx([0.75, 0.25])


def test_rounding_errors_are_ties() -> None:
    """1/3 and 2/3 - 1/3 differ in the last bit, and would rank as different."""
    one = scores(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
    other = scores(np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), "b")
    values = differences(pair(one, other)).values
    assert values[0] == values[1]


# The interval and the test of backbones


def test_over_seeds_alone_it_is_welchs() -> None:
    one, other = [0.50, 0.54, 0.49, 0.51], [0.40, 0.50, 0.45]
    both = pair(without_cases(one), without_cases(other, "b"))
    found = backbones_test(both, levels(both))
    assert found.p == pytest.approx(stats.ttest_ind(one, other, equal_var=False).pvalue)


def test_over_cases_alone_it_is_the_paired_t_test() -> None:
    profiles = rng().uniform(size=(2, 25))
    one, other = (np.tile(profile, (3, 1)) for profile in profiles)
    both = pair(scores(one), scores(other, "b"))
    expected = stats.ttest_rel(*profiles)
    assert backbones_test(both, levels(both)).p == pytest.approx(expected.pvalue)
    found = difference_interval(both, levels(both, resamples=40_000))
    interval = expected.confidence_interval()
    assert found and (found.low, found.high) == pytest.approx(interval, abs=0.01)


def test_interval_and_test_agree() -> None:
    for lead in (0.0, 0.01, 0.02, 0.03, 0.05):
        both = study(lead=lead)
        varying = levels(both, resamples=20_000)
        interval, p = difference_interval(both, varying), backbones_test(both, varying).p
        assert interval and p is not None
        if not 0.03 < p < 0.08:
            assert (interval.low > 0 or interval.high < 0) == (p < 0.05)


def test_of_one_seed_the_interval_speaks_of_cases() -> None:
    both = study(seeds=1)
    found = difference_interval(both, levels(both))
    assert found and (found.seeds, found.units) == (1, 30)


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_are_no_test_of_backbones(seeds: int) -> None:
    both = study(seeds)
    found = backbones_test(both, levels(both))
    assert found.p is None
    assert found.reason == f"Needs at least 3 seeds of each backbone; one has {seeds}."


def test_runs_that_are_all_alike_are_no_test() -> None:
    both = pair(without_cases([0.5] * 3), without_cases([0.4] * 3, "b"))
    found = backbones_test(both, levels(both))
    assert found.p is None and "no spread" in found.reason
    assert difference_interval(both, levels(both)) is None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.title)
def test_backbones_that_are_alike_are_rarely_told_apart(model: Model) -> None:
    ours, signed_ranks, flips = false_positives(model, 250)
    assert np.isnan(ours) if model.seeds < 3 else 0.015 <= ours <= 0.085
    if model.seed == model.noise == 0:  # the networks are all that there is
        assert 0.025 <= signed_ranks <= 0.085 and 0.025 <= flips <= 0.085
    elif not model.binary:  # they speak of the networks, which do differ
        assert signed_ranks > 0.085 and flips > 0.085


@given(st.integers(0, 50), st.floats(-0.2, 0.2))
@settings(max_examples=25, deadline=None)
def test_swapping_negates_and_shifting_changes_nothing(seed: int, shift: float) -> None:
    values = np.round(rng(seed).uniform(0.3, 0.7, size=(2, 3, 14)), 3)
    one, other = scores(values[0], sites=2), scores(values[1], "b", sites=2)
    both, swapped = pair(one, other), pair(other, one)
    shifted = pair(scores(values[0] + shift, sites=2), scores(values[1] + shift, "b", sites=2))
    for changed, sign in ((swapped, -1), (shifted, 1)):
        assert difference(changed) == pytest.approx(sign * difference(both))
        by_case, by_case_changed = differences(both), differences(changed)
        for test in (wilcoxon, rank_biserial, cohens_dz):
            before, after = test(by_case.values), test(by_case_changed.values)
            if isinstance(before, Test):
                assert after.p == pytest.approx(before.p)
            else:
                assert after == pytest.approx(sign * before)
        assert sign_flip(by_case_changed).p == pytest.approx(sign_flip(by_case).p)
        assert backbones_test(changed, levels(changed)).p == pytest.approx(
            backbones_test(both, levels(both)).p
        )


# Tests over cases


@pytest.mark.parametrize("number", [6, 10, 40, 200])
def test_signed_ranks_are_scipys(number: int) -> None:
    values = rng().normal(0.2, 1, size=number)
    assert wilcoxon(values).p == pytest.approx(stats.wilcoxon(values).pvalue)


def test_signed_ranks_with_ties_and_zeros_are_enumerated() -> None:
    values = np.array([0.0, 0.1, 0.1, 0.2, -0.1, 0.3, 0.3, 0.5])
    ranks = stats.rankdata(np.abs(values)) * (values != 0)  # Pratt: zeros rank, then leave
    shown = ranks[values != 0]
    sums = [abs(np.dot(signs, shown)) for signs in product((1, -1), repeat=len(shown))]
    observed = abs(np.dot(np.sign(values), ranks))
    expected = np.mean([total >= observed - 1e-9 for total in sums])
    assert wilcoxon(values).p == pytest.approx(expected)


@pytest.mark.parametrize("number", [6, 9, 12])
def test_few_sign_flips_are_enumerated(number: int) -> None:
    values = np.round(rng().normal(0.5, 1, size=number), 1)
    weights = rng(6).dirichlet(np.ones(number))
    shares = values * weights
    sums = [abs(np.dot(signs, shares)) for signs in product((1, -1), repeat=number)]
    expected = np.mean([total >= abs(shares.sum()) - 1e-12 for total in sums])
    assert sign_flip(Differences(values, weights)).p == pytest.approx(expected)


def test_many_sign_flips_are_those_of_scipy() -> None:
    values = rng().normal(0.25, 1, size=60)
    expected = stats.permutation_test(
        (values, np.zeros(60)),
        lambda x, y, axis: (x - y).mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=40_000,
        rng=rng(),
    )
    assert sign_flip(plain(values)).p == pytest.approx(expected.pvalue, abs=0.01)


def test_no_permutation_is_impossible() -> None:
    assert sign_flip(plain(np.full(100, 0.1))).p == pytest.approx(1 / 5000)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "The headline is no mean over cases."),
        ([0.0] * 9, "Both score the same on every case."),
        ([0.1] * 5 + [0.0] * 20, "Only 5 cases differ; a test needs at least 6."),
    ],
)
def test_too_few_cases_are_said_instead_of_a_p_value(values: list, reason: str) -> None:
    found = plain(np.array(values)) if values else Differences(np.zeros(0), np.zeros(0))
    for test in (wilcoxon(found.values), sign_flip(found)):
        assert test.p is None and test.reason == reason


def test_holm_is_computed_by_hand() -> None:
    tests = [Test(0.01), Test(None, "few"), Test(0.04), Test(0.03), Test(0.9)]
    # 0.01 x 4; 0.03 x 3; 0.04 x 2, but no less than the one before; 0.9 x 1
    assert holm(tests) == pytest.approx([0.04, None, 0.09, 0.09, 0.9])
    assert holm([Test(None, "few")]) == [None]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=20, deadline=None)  # it collects garbage each time
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    expected = multipletests(values, method="holm")[1]
    np.testing.assert_allclose(holm([Test(value) for value in values]), expected)


# Effect sizes


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20))
def test_rank_biserial_counts_ranks(values: list[int]) -> None:
    shown = [v for v in values if v]
    # The rank of v: how many are smaller in size, and half of its ties with the others.
    rank = [
        sum(abs(o) < abs(v) for o in shown) + (sum(abs(o) == abs(v) for o in shown) + 1) / 2
        for v in shown
    ]
    for_a = sum(r for r, v in zip(rank, shown, strict=True) if v > 0)
    found = rank_biserial(np.array(values, float))
    if shown:
        assert found == pytest.approx((2 * for_a - sum(rank)) / sum(rank))
    else:
        assert np.isnan(found)


def test_effect_sizes_of_known_differences() -> None:
    assert rank_biserial(np.array([0.1, 0.2, 0.3])) == 1
    assert rank_biserial(np.array([-0.1, 0.1])) == 0
    assert cohens_dz(np.array([1.0, 2.0, 3.0])) == 2
    assert np.isnan(cohens_dz(np.array([0.1, 0.1]))) and np.isnan(cohens_dz(np.array([0.1])))


# How many seeds


@pytest.mark.parametrize(("model", "lead"), [(MODELS[1], 0.03), (MODELS[2], 0.05)])
def test_as_many_seeds_as_named_settle_it_four_times_in_five(model: Model, lead: float) -> None:
    seeds, share = settled(model, lead, 300)
    assert seeds is not None and seeds > model.seeds
    assert 0.72 <= share <= 0.90


def test_one_seed_fewer_would_not_suffice() -> None:
    """The smallest number, by the definition of power: a loop over the noncentral t distribution."""
    both = pair(without_cases([0.50, 0.52, 0.54]), without_cases([0.49, 0.50, 0.51], "b"))
    named = more_seeds(difference(both), levels(both)).seeds
    assert named is not None

    def power(seeds: int) -> float:
        variance = (0.02**2 + 0.01**2) / seeds
        freedom = variance**2 / ((0.02**4 + 0.01**4) / seeds**2 / (seeds - 1))
        critical = stats.t.ppf(0.975, freedom)
        return float(stats.nct.sf(critical, freedom, 0.02 / np.sqrt(variance)))

    enough = next(seeds for seeds in range(3, 100) if power(seeds) >= 0.8)
    assert abs(named - enough) <= 1


def test_no_seeds_help_where_cases_are_too_few() -> None:
    profiles = rng().normal(0.5, 0.2, size=(2, 8))
    one, other = (p + 0.001 * rng(n).normal(size=(3, 1)) for n, p in enumerate(profiles))
    both = pair(scores(one), scores(other, "b"))
    found = more_seeds(difference(both), levels(both))
    assert found.seeds is None and "test cases are too few" in found.reason


@pytest.mark.parametrize(
    ("both", "reason"),
    [
        (study(2), "Run at least 3 seeds"),
        (pair(without_cases([0.5, 0.6, 0.4]), without_cases([0.4, 0.5, 0.6], "b")), "no diff"),
        (pair(without_cases([0.1, 0.5, 0.9]), without_cases([0.2, 0.5, 0.81], "b")), "More than"),
    ],
)
def test_where_no_number_can_be_named_it_says_why(both: Pair, reason: str) -> None:
    found = more_seeds(difference(both), levels(both))
    assert found.seeds is None and reason in found.reason


@pytest.mark.parametrize("wrong", [{"alpha": 0}, {"power": 1}])
def test_levels_out_of_range_are_named(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"not in \(0, 1\)"):
        more_seeds(0.1, levels(study()), **wrong)
