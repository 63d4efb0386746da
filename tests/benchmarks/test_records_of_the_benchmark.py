"""A finished benchmark must show differences: a task whose backbones all score alike, or score 0, measures nothing.

Of the default benchmark more is known before: an ImageNet network is better than a random one.

The records are those in the folder named by LVMMED_RESULTS, as `python -m benchmarks run --smoke` leaves them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

import reports
from lvmmed_backbones.records import StoredRecord, read
from tasks import registry

IMAGENET, RANDOM = "imagenet_efficientnet_lite0", "random_resnet18_half"
Scores = dict[str, dict[int, float]]  # of a task, by backbone and seed


def scores_of(records: Iterable[StoredRecord]) -> dict[str, Scores]:
    """Return the headline values of each task for one profile, label fraction and split, as backbones are compared."""
    tasks: dict[str, Scores] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        named = f"{record.task} ({record.profile}, {record.label_fraction:g} of the labels, {record.split} split)"
        tasks[named][record.backbone.name][record.seed] = record.value
    return tasks


def fault(scores: Scores) -> str:
    """Return what is wrong with the scores of a task; an empty string if nothing is."""
    if not any(value for seeds in scores.values() for value in seeds.values()):
        return "every score is 0"
    one, *others = scores.values()
    if others and all(other == one for other in others):
        return f"{', '.join(sorted(scores))} score alike, {', '.join(f'{v:.4g}' for v in one.values())}"
    return ""


def faults(tasks: dict[str, Scores]) -> list[str]:
    """Return a sentence for each task that does not tell backbones apart."""
    return [f"{task}: {wrong}" for task in sorted(tasks) if (wrong := fault(tasks[task]))]


@pytest.fixture
def results() -> Path:
    named = os.environ.get("LVMMED_RESULTS")
    if not named:
        pytest.skip("no records: set LVMMED_RESULTS to a folder of results")
    return Path(named)


def test_every_task_tells_backbones_apart(results: Path) -> None:
    records, problems = read(results)
    assert not problems
    assert records, f"{results} holds no record"
    assert not faults(scores_of(records))


def test_every_task_of_the_paper_runs(results: Path) -> None:
    smoke = Path(f"{results}-smoke")
    if not smoke.is_dir():
        pytest.skip(f"no {smoke}: it was not asked for")
    records, problems = read(smoke)
    assert not problems
    assert {record.task for record in records} == {*registry.paper_names()}
    assert not faults(scores_of(records))


def test_imagenet_is_better_than_random_weights(results: Path) -> None:
    """Beyond chance on most tasks that are probed with three seeds, and worse than random weights on none."""
    records, _ = read(results)
    if not {IMAGENET, RANDOM} <= {r.backbone.name for r in records if r.profile == "open"}:
        pytest.skip(f"{results} is not of the default benchmark")
    report = reports.compare(results, IMAGENET, RANDOM, profile=["open"])
    ((_, comparison),) = report.comparisons
    verdicts = [task.verdict for task in comparison.tasks if task.seeds_a > 1]
    assert verdicts.count("A") > len(verdicts) / 2, verdicts
    assert "B" not in verdicts


def test_such_tasks_are_named() -> None:
    tasks: dict[str, Scores] = {
        "apart": {"a": {0: 0.5}, "b": {0: 0.6}},
        "alike": {"a": {0: 0.25}, "b": {0: 0.25}},
        "alike by seed": {"a": {0: 0.1, 1: 0.2}, "b": {0: 0.1, 1: 0.2}},
        "alone": {"a": {0: 0.25}},
        "nothing": {"a": {0: 0.0}, "b": {0: 0.0}},
        "alone, nothing": {"a": {0: 0.0}},
        "one is 0": {"a": {0: 0.0}, "b": {0: 0.1}},
        "seeds exchanged": {"a": {0: 0.1, 1: 0.2}, "b": {0: 0.2, 1: 0.1}},
    }
    assert faults(tasks) == [
        "alike: a, b score alike, 0.25",
        "alike by seed: a, b score alike, 0.1, 0.2",
        "alone, nothing: every score is 0",
        "nothing: every score is 0",
    ]
