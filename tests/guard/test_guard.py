"""The suite computes what it computed before: reports, networks, first steps, whole runs.

`expected/` was written by the code at the end of version 1 of the design, on one machine. Figures may differ in their
last digits on another. `pytest tests/guard --freeze -m ""` writes it anew. Since then, by decision: reports say how
sure the best of each task is, and which rows are of one network; linear tasks are probes on frozen features;
comparisons name their tasks in alphabetical order.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tasks import registry
from tests.factories import build_corpus, write_study
from tests.guard import computed

EXPECTED = Path(__file__).resolve().parent / "expected"
RELATIVE = 1e-4  # of a loss, an output; other processors sum in another order
GRADIENT = 1e-3  # of a run's first step: another processor was 2e-4 away
# Of a whole run. Rounding grows in its steps: the code that wrote `expected/` gave a Dice 0.03 away with two
# threads, 0.02 away from a state that differed by a ten-millionth, and 0.10 away on another processor. There mAP50
# was 0.26 away after 50 steps, so a detector's first step is all that is compared.
METRIC = 0.15


@pytest.fixture
def compare(request: pytest.FixtureRequest):
    """Compare with a file of `expected/`, or write it."""

    def comparison(name: str, found: Any, **tolerance: float) -> None:
        file = EXPECTED / f"{name}.json"
        if request.config.getoption("--freeze"):
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
            file.write_text(text + "\n")
        check(found, json.loads(file.read_text()), name, **tolerance)

    return comparison


def check(found: Any, expected: Any, place: str, rel: float = 0, absolute: float = 0) -> None:
    """Compare two values; name where they differ."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected:
            check(found[key], expected[key], f"{place} {key}", rel, absolute)
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            check(one, other, f"{place} {number}", rel, absolute)
    elif isinstance(expected, float) and not math.isnan(expected):
        assert found == pytest.approx(expected, rel=rel, abs=absolute), place
    elif isinstance(expected, float):
        assert math.isnan(found), place
    else:
        assert found == expected, place


@pytest.mark.parametrize("name", computed.LINES)
def test_reports_say_what_they_said(name: str, tmp_path: Path, compare) -> None:
    write_study(tmp_path / "results")
    compare(f"reports/{name}", computed.report(name, tmp_path / "results", tmp_path / "out"))


@pytest.mark.parametrize("name", (*computed.ARCHITECTURES, *computed.ENTRIES))
def test_networks_give_what_they_gave(name: str, compare) -> None:
    compare(
        f"networks/{name.replace(':', '_')}", computed.outputs(name), rel=RELATIVE, absolute=1e-5
    )


@pytest.mark.parametrize("name", computed.METHODS)
def test_methods_make_the_step_that_they_made(name: str, tmp_path: Path, compare) -> None:
    corpus = build_corpus(tmp_path, 8)
    compare(f"methods/{name}", computed.first_step(name, corpus, tmp_path / "run"), rel=RELATIVE)


@pytest.mark.slow
@pytest.mark.parametrize("task, backbone", computed.RUNS)
def test_runs_end_where_they_ended(
    task: str, backbone: str, prepared_root: Path, tmp_path: Path, compare
) -> None:
    found = computed.run_task(task, backbone, prepared_root, tmp_path)
    metrics = found.pop("metrics")
    compare(f"tasks/{task}_{backbone}", found, rel=GRADIENT)
    if registry.get(task).task.kind != "detection":
        compare(f"tasks/{task}_{backbone}_metrics", metrics, absolute=METRIC)


@pytest.mark.slow
@pytest.mark.parametrize("task", computed.PROBED)
def test_probes_score_what_they_scored(
    task: str, prepared_root: Path, tmp_path: Path, compare
) -> None:
    found = computed.probe_task(task, prepared_root, tmp_path)
    compare(f"tasks/{task}_probed_metrics", found, absolute=METRIC)
