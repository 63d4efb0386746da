"""The steps of a run, one by one: each is a function of the result of the step before."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.config import configure, place
from benchmarks.grid import RunSpec
from benchmarks.labels import inner_dataset
from benchmarks.resolve import resolve
from benchmarks.runs import identify
from lvmmed_backbones.weights.checksums import file_sha256

SPEC = RunSpec("vindr", "imagenet_efficientnet_lite0", "mini", 3)


def test_a_run_is_resolved_once() -> None:
    run = resolve(SPEC)
    assert run.spec == SPEC
    assert (run.task.task.name, run.profile.name) == ("vindr", "mini")
    assert run.backbone.weights
    assert run.weights_sha256 == file_sha256(run.backbone.weights.path)
    assert resolve(RunSpec("vindr", "random_vit_tiny", "mini", 0)).weights_sha256 is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (RunSpec("vindr", "random_vit_tiny", "huge", 0), "no profile 'huge'"),
        (RunSpec("vindr", "random_vit_tinny", "mini", 0), "did you mean random_vit_tiny"),
    ],
)
def test_wrong_words_are_named(spec: RunSpec, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(spec)


def test_no_step_changes_what_it_was_given(tmp_path: Path) -> None:
    """A task config is read once, for all runs."""
    run = resolve(SPEC)
    task = run.task.pretty_text
    config = configure(run)
    text = config.pretty_text
    bound = place(config, tmp_path / "vindr", [0, 2], tmp_path / "run", tmp_path / "features")
    identity = identify(run, config, "f", [0, 2])
    assert run.task.pretty_text == task != text
    assert config.pretty_text == text == configure(resolve(SPEC)).pretty_text
    assert str(tmp_path) not in text and str(tmp_path) in bound.pretty_text
    assert inner_dataset(bound.train_dataloader.dataset).indices == [0, 2]
    assert Path(bound.test_evaluator.ann_file).is_relative_to(tmp_path / "vindr")
    assert Path(bound.test_evaluator.cases_file).is_relative_to(tmp_path / "run")
    assert identity != identify(run, config, "f", None)
    assert identity == identify(run, configure(resolve(SPEC)), "f", (0, 2))
