"""Two backbones compared: numbers, words, the command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats

from reports.__main__ import main
from reports.analysis.compare import Comparison, as_json, compare
from reports.reading.consistency import Condition
from reports.reading.scores import Scores, stratified_means
from reports.render.text.comparison_text import comparison_text
from reports.render.text.terminal import print_comparisons
from reports.statistics.family import over_tasks
from reports.statistics.pairs import compare_pairs
from reports.statistics.testing import holm

ROOT = Path(__file__).resolve().parents[2]


def scores(
    task: str, backbone: str, mean: float, seeds: int = 3, cases: int = 40, spread: float = 0.004
) -> Scores:
    """Cases that are alike for all backbones, but for noise; mAP50 where there are none."""
    shared = np.random.default_rng(len(task)).normal(0, 0.1, size=cases)
    noise = np.random.default_rng([len(task), *backbone.encode()])
    values = mean + shared + 0.02 * noise.normal(size=(seeds, cases))
    values = values + spread * noise.normal(size=(seeds, 1))
    strata = np.zeros(cases, np.int64)
    return Scores(
        backbone=backbone,
        task=task,
        protocol="finetune",
        metric="dice" if cases else "map50",
        seeds=tuple(range(seeds)),
        cases=tuple(f"{case:03}" for case in range(cases)),
        strata=strata,
        values=values,
        headlines=stratified_means(values, strata)
        if cases
        else mean + spread * noise.normal(size=seeds),
    )


def of(backbone: str, **tasks: dict) -> list[Scores]:
    return [scores(task, backbone, **options) for task, options in tasks.items()]


@pytest.fixture
def comparison() -> Comparison:
    """A task for each of the verdicts."""
    a = of("lvmmed", won={"mean": 0.7}, lost={"mean": 0.5}, near={"mean": 0.604},
           once={"mean": 0.65, "seeds": 1}, boxes={"mean": 0.6, "cases": 0},
           boxed={"mean": 0.6, "cases": 0, "seeds": 1}, alone={"mean": 0.5})  # fmt: skip
    b = of("random", won={"mean": 0.6}, lost={"mean": 0.6}, near={"mean": 0.6},
           once={"mean": 0.6}, boxes={"mean": 0.3, "cases": 0},
           boxed={"mean": 0.5, "cases": 0})  # fmt: skip
    return compare(a, b)


def by_task(comparison: Comparison) -> dict:
    return {task.task: task for task in comparison.tasks}


def test_every_task_has_its_verdict(comparison: Comparison) -> None:
    assert {name: task.verdict for name, task in by_task(comparison).items()} == {
        "won": "A", "lost": "B", "near": "open", "once": "untested", "boxes": "A",
        "boxed": "untested",
    }  # fmt: skip
    assert comparison.only_a == ["alone (finetune)"] and comparison.only_b == []


def test_p_values_are_corrected_for_all_tasks(comparison: Comparison) -> None:
    tasks = comparison.tasks
    for corrected, test in (
        ("p_backbones", "backbones"), ("p_wilcoxon", "wilcoxon"), ("p_sign_flip", "sign_flip"),
    ):  # fmt: skip
        plain = np.array([getattr(task, test).p for task in tasks], float)
        found = np.array([getattr(task, corrected) for task in tasks], float)
        np.testing.assert_allclose(found, holm(plain))
    won = by_task(comparison)["won"]
    assert won.p_backbones > won.backbones.p


def test_the_winner_is_ahead_and_its_interval_agrees(comparison: Comparison) -> None:
    for task in comparison.tasks:
        if task.verdict in ("A", "B"):
            sign = 1 if task.verdict == "A" else -1
            assert sign * task.difference > 0
            assert task.interval and sign * task.interval.low > 0 < sign * task.interval.high
        assert (task.seeds_to_settle is not None) == (task.verdict == "open")


def test_without_cases_there_are_no_tests_over_cases(comparison: Comparison) -> None:
    boxes = by_task(comparison)["boxes"]
    assert boxes.cases == 0 and boxes.interval and boxes.interval.units == 0
    assert boxes.wilcoxon.p is boxes.sign_flip.p is None
    assert np.isnan(boxes.rank_biserial) and np.isnan(boxes.cohens_dz)


@pytest.mark.parametrize(
    "said",
    [
        "Of 6 tasks, lvmmed (A) is better on 2 and random (B) on 1; 1 open, 2 untested (open: no "
        "significant difference; untested: ",
        "Not compared, since only lvmmed has runs: alone (finetune).",
        "- On near (finetune), there is no significant difference: lvmmed is ahead of random by ",
        "3 seeds each, 40 cases)",
        "3 seeds each, these test cases only)",
        "- On once (finetune), the difference is untested: lvmmed is ahead of random by ",
        "1 and 3 seeds, 40 cases, these networks only)",
        " %, each task counting alike; tasks with one seed are left out.",
        "t-test over seeds and cases, Holm-corrected for 4 tasks; 3 seeds each",
        "Needs at least 2 seeds of each backbone; one has 1. On these cases the permutation test",
        "this speaks of the networks that were trained, not of the backbones.",
        "- On boxed (finetune), the difference is untested: ",
        "(no interval; 1 and 3 seeds). Needs at least 2 seeds of each backbone; one has 1. "
        "Nothing speaks of these networks either: there are no scores of cases, or the headline is not their mean.",
    ],
)
def test_words_say_what_is_known_and_what_is_not(comparison: Comparison, said: str) -> None:
    assert said in comparison_text(comparison)


@pytest.mark.parametrize("name", ["won", "lost", "boxes"])
def test_words_say_by_how_much_and_how_sure(comparison: Comparison, name: str) -> None:
    task = by_task(comparison)[name]
    assert task.interval and task.p_backbones is not None
    sure = "p < 0.001" if task.p_backbones < 0.001 else f"p = {task.p_backbones:.3f}"
    low, high = (f"{100 * end:+.1f}" for end in (task.interval.low, task.interval.high))
    better, worse = ("lvmmed", "random") if task.verdict == "A" else ("random", "lvmmed")
    metric = {"dice": "Dice", "map50": "mAP50"}[task.metric]
    assert (
        f"- On {name} (finetune), {better} is better than {worse} by "
        f"{100 * abs(task.difference):.1f} points of {metric} "
        f"(lvmmed − random: 95 % confidence interval {low} to {high}; {sure}, t-test over seeds"
    ) in comparison_text(comparison)


def test_words_name_the_seeds_that_would_settle_it() -> None:
    a, b = scores("near", "a", 0.5, cases=0), scores("near", "b", 0.5, cases=0)
    a = replace(a, headlines=np.array([0.62, 0.60, 0.64]))
    b = replace(b, headlines=np.array([0.60, 0.58, 0.61]))
    found = compare([a], [b])
    (task,) = found.tasks
    assert task.verdict == "open" and task.seeds_to_settle
    more = task.seeds_to_settle - 3
    said = (
        f"About {task.seeds_to_settle:.0f} seeds of each ({more:.0f} more) would likely settle it"
    )
    assert said in comparison_text(found)


def test_words_say_that_cases_are_too_few() -> None:
    said = comparison_text(
        compare([scores("won", "a", 0.7, cases=4)], [scores("won", "b", 0.6, cases=4)])
    )
    assert "3 seeds each, these 4 test cases only: too few to speak of others" in said


def test_words_say_that_two_are_level() -> None:
    one = scores("near", "a", 0.6)
    said = comparison_text(compare([one], [replace(one, backbone="b")]))
    assert "there is no significant difference: a and b are level in Dice (" in said
    assert "There is no difference that more seeds could show." in said


def test_words_say_that_cases_are_left_out() -> None:
    one, other = scores("won", "a", 0.7), scores("won", "b", 0.6, cases=38)
    said = comparison_text(compare([one], [other]))
    assert "2 cases left out: only one of the two has a score there." in said
    assert "38 cases" in said


def test_many_tasks_are_tested_together() -> None:
    names = [f"task{'x' * number}" for number in range(7)]
    a = [scores(name, "a", 0.65) for name in names]
    b = [scores(name, "b", 0.60) for name in names]
    found = compare(a, b)
    assert found.overall.p == pytest.approx(2 / 2**7)  # all seven in favour of A
    assert found.improvement == 1
    assert (
        "Over tasks, Wilcoxon's test of the mean differences gives p = 0.016."
        in comparison_text(found)
    )
    few = compare(a[:3], b[:3])
    assert few.overall.p is None
    assert (
        "No test over tasks. Needs at least 6 tasks on which they differ; there are 3."
        in comparison_text(few)
    )


@given(st.integers(0, 30))
@settings(max_examples=8, deadline=None)
def test_swapping_swaps_the_verdicts(seed: int) -> None:
    means = np.random.default_rng(seed).uniform(0.55, 0.65, size=(2, 3))
    a, b = (
        [scores(task, name, mean) for task, mean in zip(("x", "yy", "zzz"), row, strict=True)]
        for name, row in zip("ab", means, strict=True)
    )
    one, other = compare(a, b), compare(b, a)
    swapped = {"A": "B", "B": "A", "open": "open", "untested": "untested"}
    assert [task.verdict for task in other.tasks] == [swapped[t.verdict] for t in one.tasks]
    assert other.improvement == pytest.approx(1 - one.improvement)
    for left, right in zip(one.tasks, other.tasks, strict=True):
        assert right.difference == pytest.approx(-left.difference)
        assert right.p_backbones == pytest.approx(left.p_backbones)


def test_alike_backbones_rarely_win_a_single_task() -> None:
    """Holm keeps the chance of any false verdict in a comparison of five tasks."""
    names = ["x" * number for number in range(1, 6)]
    wrong = 0
    for study in range(60):
        rng = np.random.default_rng(study)
        drawn = {}
        for name in "ab":
            drawn[name] = [
                scores(task, f"{name}{rng.integers(1 << 30)}", 0.6, spread=0.02) for task in names
            ]
        found = compare(drawn["a"], drawn["b"])
        wrong += any(task.verdict != "open" for task in found.tasks)
    assert wrong <= 8  # 3 expected; more than 8 in one of 300


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], of("b", won={"mean": 0.5}), "without scores"),
        (of("a", won={"mean": 0.5}), of("a", won={"mean": 0.5}), "compared with itself"),
        (of("a", won={"mean": 0.5}), of("b", lost={"mean": 0.5}), "no task in common"),
    ],
)
def test_what_cannot_be_compared_is_an_error(a: list, b: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(a, b)


def test_the_table_fits_and_cuts_nothing(comparison: Comparison) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    print_comparisons([(Condition("phantom", "mini", 1.0, "published"), comparison)], console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, shown.splitlines())) <= 100 and "…" not in shown
    assert "PHANTOM: says nothing about medicine." in shown
    won = by_task(comparison)["won"]
    row = next(line for line in shown.splitlines() if "won (finetune)" in line)
    for text in (f"{100 * won.mean_a:.1f}", f"{100 * won.difference:+.1f}", " A │"):
        assert text in row


def test_json_holds_every_figure(comparison: Comparison) -> None:
    (found,) = json.loads(as_json([(Condition("measured", "mini", 1.0, "published"), comparison)]))
    assert found["setting"]["data_source"] == "measured" and found["a"] == "lvmmed"
    tasks = {task["task"]: task for task in found["tasks"]}
    assert tasks["boxes"]["cohens_dz"] is None and tasks["boxed"]["interval"] is None
    won = by_task(comparison)["won"]
    assert tasks["won"]["difference"] == won.difference
    assert tasks["won"]["backbones"] == {"p": won.backbones.p, "reason": ""}


# The command


@pytest.fixture
def results(write: Callable[..., Path], tmp_path: Path) -> Path:
    """Measured on two tasks, and phantoms of one of them."""
    rng = np.random.default_rng(0)
    for task, source in (("drive", "measured"), ("jsrt", "measured"), ("drive", "phantom")):
        shared = rng.uniform(0.4, 0.6, size=12)
        for backbone, lead in (("better", 0.2), ("worse", 0.0), ("other", 0.1)):
            for seed in range(3):
                found = shared + lead + rng.uniform(0, 0.02, size=12)
                cases = [{"case": f"{n:02}", "dice": float(x)} for n, x in enumerate(found)]
                write(backbone, float(found.mean()), task=task, data_source=source, seed=seed,
                      cases=cases, metrics={"dice": 0.0})  # fmt: skip
    return tmp_path


def test_the_command_says_it_in_words(results: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reports", "compare", results, "better", "worse"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | {"COLUMNS": "110"},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    said = " ".join(done.stdout.split())
    measured, mark, phantom = said.partition("PHANTOM")
    assert mark and "Measured on real images" in measured
    assert "Of 2 tasks, better (A) is better on 2 and worse (B) on 0" in measured
    assert "Of 1 task, better (A) is better on 1 and worse (B) on 0" in phantom
    assert "- On drive (finetune), better is better than worse by 20." in measured


def test_filters_narrow_it(results: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(results), "better", "worse", "--task", "jsrt", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert [task["task"] for task in found["tasks"]] == ["jsrt"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("beter", "worse"), "no run of a backbone beter. Did you mean better? There are better,"),
        (("better", "zzz"), "no run of a backbone zzz. There are better, other, worse."),
        (("worse", "worse"), "worse cannot be compared with itself."),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(
    results: Path, capsys: pytest.CaptureFixture, names: tuple[str, str], message: str
) -> None:
    assert main(["compare", str(results), *names]) == 1
    assert message in capsys.readouterr().err


def test_no_common_task_is_said(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write("a", task="drive")
    write("b", task="jsrt")
    assert main(["compare", str(tmp_path), "a", "b"]) == 1
    assert "a and b have no task in common under any condition." in capsys.readouterr().err


def test_unsound_cases_are_named_and_the_rest_is_compared(
    write: Callable[..., Path], results: Path, capsys: pytest.CaptureFixture
) -> None:
    bad = write("better", 0.5, seed=9, task="drive", cases=[{"case": "00", "dice": 7.0}])
    assert main(["compare", str(results), "better", "worse", "--json"]) == 1
    told = capsys.readouterr()
    assert str(bad) in told.err and "not a fraction" in told.err
    assert len(json.loads(told.out)[0]["tasks"]) == 2


def test_help_needs_no_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [sys.executable, "-c",
         "import sys, reports.__main__ as m\n"
         "try: m.main(['compare', '--help'])\n"
         "except SystemExit: pass\n"
         "print(sorted({'scipy', 'statsmodels', 'pandas', 'scikit_posthocs'} & set(sys.modules)))"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_figures_are_those_of_scipy_and_of_the_tests(comparison: Comparison) -> None:
    both = scores("won", "lvmmed", 0.7), scores("won", "random", 0.6)
    alone = compare(*([one] for one in both)).tasks[0]
    assert alone.backbones.p == over_tasks(compare_pairs(both)).p[0]
    by_case = both[0].values.mean(axis=0) - both[1].values.mean(axis=0)
    found = by_task(comparison)["won"]
    assert found.wilcoxon.p == pytest.approx(stats.wilcoxon(by_case).pvalue, rel=1e-9)
    assert alone.difference == pytest.approx(both[0].headlines.mean() - both[1].headlines.mean())


def test_one_seed_says_nothing_of_other_seeds() -> None:
    said = comparison_text(
        compare(of("a", won={"mean": 0.9, "seeds": 1}), of("b", won={"mean": 0.1, "seeds": 1}))
    )
    assert "how often a run of A is ahead of one of B cannot be told" in said
    assert "100 %" not in said and "untested" in said


def test_names_are_compared_as_they_look(write: Callable[..., Path], tmp_path: Path) -> None:
    """Composed and decomposed letters are the same name, on the command line too."""
    write("caf\u00e9", seed=0)
    write("cafe\u0301", seed=1)
    write("other", seed=0)
    done = subprocess.run(
        [sys.executable, "-m", "reports", "compare", tmp_path, "cafe\u0301", "other"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0 and "caf\u00e9 (A)" in done.stdout
