"""What each backbone scored, case by case, as read from records."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lvmmed_backbones.records import read
from reports.reading.scores import (
    Scores,
    on_common_cases,
    read_scores,
    read_sound_scores,
    stratified_means,
)


def scored(folder: Path) -> list[Scores]:
    records, problems = read(folder)
    assert not problems
    return read_scores(records)


def rows(found: dict[str, float | None], metric: str = "dice") -> list[dict]:
    return [{"case": case, metric: score} for case, score in found.items()]


def test_a_headline_that_is_the_mean_of_its_cases(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.6, cases=rows({"b": 0.8, "a": 0.4, "empty": None}), seed=3)
    write(value=0.5, cases=rows({"a": 0.3, "b": 0.7, "empty": None}), seed=1)
    (one,) = scored(tmp_path)
    assert (one.backbone, one.task, one.protocol) == ("random_resnet50", "drive", "finetune")
    assert (one.metric, one.seeds, one.cases) == ("dice", (1, 3), ("a", "b", "empty"))
    np.testing.assert_array_equal(one.values, [[0.3, 0.7, np.nan], [0.4, 0.8, np.nan]])
    np.testing.assert_array_equal(one.headlines, [0.5, 0.6])
    assert one.strata.tolist() == [0, 0, 0]


def test_a_case_that_one_seed_lacks_is_undefined_there(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.6, cases=rows({"a": 0.4, "b": 0.8}), seed=0)
    write(value=0.4, cases=rows({"a": 0.4}), seed=1)
    (one,) = scored(tmp_path)
    np.testing.assert_array_equal(one.values, [[0.4, 0.8], [0.4, np.nan]])


SLICES = {"HK/Case1/000": 0.2, "HK/Case1/001": 0.4, "HK/Case2/000": 0.6, "BMC/Case1/000": 0.8}


def test_a_headline_that_is_the_mean_over_sites(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=(0.4 + 0.8) / 2, cases=rows(SLICES))
    (one,) = scored(tmp_path)
    assert one.cases == ("BMC/Case1/000", "HK/Case1/000", "HK/Case1/001", "HK/Case2/000")
    assert one.strata.tolist() == [0, 1, 1, 1]


def test_slices_of_a_patient_are_one_unit(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=(0.4 + 0.8) / 2, cases=rows(SLICES))
    (one,) = scored(tmp_path)
    assert one.patients.tolist() == [0, 1, 1, 2]
    assert replace(one, cases=("BMC/1", "BMC/2", "a", "b")).patients.tolist() == [0, 1, 2, 3]


def test_sites_of_one_size_are_told_by_their_metrics(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    cases = rows({"HK/1": 0.2, "HK/2": 0.4, "BMC/1": 0.8, "BMC/2": 0.6})
    write("sites", 0.5, cases=cases, metrics={"dice": 0.5, "dice/HK": 0.3, "dice/BMC": 0.7})
    write("folders", 0.5, cases=cases)
    sites, folders = scored(tmp_path)
    assert sites.strata.tolist() == [0, 0, 1, 1]
    assert folders.strata.tolist() == [0, 0, 0, 0]
    assert [one.strata.tolist() for one in on_common_cases([folders, sites])] == [[0, 0, 1, 1]] * 2


@pytest.mark.parametrize(
    ("metric", "value", "cases"),
    [
        pytest.param("map50", 0.31, rows({"a": 0.2, "b": 0.9}, "map50"), id="no mean of cases"),
        pytest.param("kappa", 0.7, rows({"a": 1.0, "b": 0.0}, "accuracy"), id="not in the cases"),
        pytest.param("dice", 0.5, [], id="no cases"),
    ],
)
def test_other_headlines_have_no_cases(
    write: Callable[..., Path], tmp_path: Path, metric: str, value: float, cases: list
) -> None:
    write(value=value, metric=metric, cases=cases)
    (one,) = scored(tmp_path)
    assert one.cases == () and one.values.shape == (1, 0) and one.headlines.tolist() == [value]
    assert one.strata.shape == one.patients.shape == (0,)


@pytest.mark.parametrize(
    ("value", "cases", "said"),
    [
        (0.95, {"a": 0.6, "b": 0.8}, "dice is 0.9500, but its 2 cases average 0.7000."),
        (0.5, {"a": None}, "dice is 0.5000, but its 1 cases have no score."),
    ],
)
@pytest.mark.parametrize("verb", ["leaderboard", "compare", "tables", "figures", "site"])
def test_a_headline_that_contradicts_its_cases_is_left_out_of_every_verb(
    write: Callable[..., Path],
    tmp_path: Path,
    errors: Callable[..., list[str]],
    verb: str,
    value: float,
    cases: dict,
    said: str,
) -> None:
    for backbone in ("a", "b"):
        for seed in range(2):
            write(backbone, 0.5 + 0.1 * seed, seed=seed)
    bad = write("a", value, cases=rows(cases), seed=2)
    more = ["a", "b"] if verb == "compare" else ["--out", str(tmp_path / "out")]
    (problem,) = errors(verb, tmp_path, *more)
    assert f"{bad}: {said}" in problem


def test_a_headline_of_a_metric_that_is_no_mean_may_differ_from_its_cases(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """Even if they happen to agree, nothing is said of other cases."""
    write(value=0.6, metric="map50", cases=rows({"a": 0.4, "b": 0.8}, "map50"))
    (one,) = scored(tmp_path)
    assert one.cases == ()


def test_one_for_each_task_protocol_and_backbone(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for task in ("drive", "jsrt"):
        for protocol in ("finetune", "linear"):
            for backbone in ("a", "b"):
                write(backbone, task=task, protocol=protocol)
    found = [(one.task, one.protocol, one.backbone) for one in scored(tmp_path)]
    assert len(set(found)) == len(found) == 8


def test_conditions_are_never_mixed(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    write(data_source="phantom", profile="mini")
    with pytest.raises(ValueError, match="2 conditions"):
        scored(tmp_path)


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (rows({"a": 0.5}) * 2, "case a comes twice"),
        (rows({"a": 50.0}), r"case a has dice 50.0, not a fraction in \[0, 1\]"),
        ([{"dice": 0.5}], "not a printable name .case. and numbers"),
    ],
)
def test_unsound_cases_are_named_and_the_rest_is_scored(
    write: Callable[..., Path], tmp_path: Path, cases: list, message: str
) -> None:
    write(seed=0)
    bad = write(seed=1)
    records, _ = read(tmp_path)
    content = json.loads(bad.read_text())
    bad.write_text(json.dumps({**content, "cases": cases}))  # after it was read
    found, (problem,) = read_sound_scores(records)
    assert [one.seeds for one in found] == [(0,)]
    assert problem.startswith(str(bad)) and problem.endswith(".")
    with pytest.raises(ValueError, match=message):
        read_scores(records)
    assert re.search(message, read(tmp_path)[1][0])


def test_a_record_that_is_gone_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write()
    records, _ = read(tmp_path)
    path.unlink()
    found, (problem,) = read_sound_scores(records)
    assert not found and str(path) in problem


def plain(cases: tuple[str, ...], values: list[list[float]], name: str = "a") -> Scores:
    array = np.array(values)
    strata = np.zeros(len(cases), np.int64)
    seeds = tuple(range(len(values)))
    return Scores(
        name,
        "drive",
        "finetune",
        "dice",
        seeds,
        cases,
        strata,
        array,
        stratified_means(array, strata),
    )


def test_common_cases_are_those_that_all_have_a_score_of() -> None:
    one = plain(("a", "b", "c", "d"), [[0.1, np.nan, 0.3, 0.4], [0.1, np.nan, np.nan, 0.6]])
    other = plain(("b", "c", "d", "e"), [[0.2, 0.4, 0.8, 0.9]], "b")
    left, right = on_common_cases([one, other])
    assert left.cases == right.cases == ("c", "d")
    np.testing.assert_array_equal(left.values, [[0.3, 0.4], [np.nan, 0.6]])
    np.testing.assert_allclose(left.headlines, [0.35, 0.6])
    np.testing.assert_allclose(right.headlines, [0.6])


def test_no_common_case_is_an_error() -> None:
    with pytest.raises(ValueError, match="drive: a, b have no case in common"):
        on_common_cases([plain(("a",), [[0.5]]), plain(("b",), [[0.5]], "b")])


def test_other_tasks_are_not_compared() -> None:
    one = plain(("a",), [[0.5]])
    with pytest.raises(ValueError, match="scores of 2 tasks"):
        on_common_cases([one, replace(one, task="jsrt")])


def slow_mean(values: np.ndarray, strata: np.ndarray) -> float:
    of_strata = []
    for group in sorted(set(strata)):
        defined = [v for v, s in zip(values, strata, strict=True) if s == group and not np.isnan(v)]
        if defined:
            of_strata.append(sum(defined) / len(defined))
    return sum(of_strata) / len(of_strata) if of_strata else np.nan


@given(st.data(), st.integers(1, 3), st.integers(1, 8))
def test_means_are_those_of_a_loop(data: st.DataObject, seeds: int, cases: int) -> None:
    scores = st.floats(0, 1) | st.just(np.nan)
    values = data.draw(hnp.arrays(float, (seeds, cases), elements=scores))
    strata = data.draw(hnp.arrays(np.int64, cases, elements=st.integers(0, 2)))
    expected = [slow_mean(one, strata) for one in values]
    np.testing.assert_allclose(stratified_means(values, strata), expected, atol=1e-12)
