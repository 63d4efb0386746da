"""Protocols, kinds and metrics of frozen evaluation: every verb shows them, each metric in its unit and direction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reports.__main__ import main
from reports.reading.metrics import describe_metric, metric_name, value_text

# Task, kind, protocol, headline, further metrics.
COLUMNS = (
    ("pneumonia", "classification", "knn", "accuracy", {"setting": 20.0, "auroc": 0.7}),
    ("pneumonia", "classification", "linear", "accuracy", {"ece": 0.08, "brier": 1.2}),
    ("pneumonia", "classification", "sweep", "accuracy", {"accuracy_without_copies": 0.4}),
    ("pneumonia", "classification", "attentive", "accuracy", {"accuracy_noise_3": 0.3}),
    ("pneumonia", "classification", "few_shot_5", "accuracy", {"draws": 100.0}),
    ("pneumonia", "classification", "retrieval", "average_precision", {"precision_at_5": 0.6}),
    ("age", "regression", "regression", "r2_or_0", {"r2": -1.25, "mae": 7.0, "pearson": -0.1}),
    ("busi", "segmentation", "dense", "dice", {"iou": 0.4, "invariance_rotation": 0.7}),
    ("hippocampus", "volumes", "dense", "iou", {"dice": 0.6}),
    ("bccd", "detection", "finetune", "map50", {"map": 0.3}),
)  # fmt: skip


@pytest.fixture
def study(write: Callable[..., Path], tmp_path: Path) -> Path:
    """Three backbones with three seeds in each of the columns; further metrics are larger by a tenth for the second."""
    random = np.random.default_rng(0)
    for task, kind, protocol, metric, more in COLUMNS:
        for number, backbone in enumerate(
            ("imagenet_efficientnet_lite0", "random_vit_tiny", "own")
        ):
            for seed in range(3):
                scores = np.clip(0.7 - 0.1 * number + 0.1 * random.normal(size=20), 0, 1)
                metrics = {name: value * (1 + number / 10) for name, value in more.items()}
                has_cases = metric in ("accuracy", "dice", "iou")
                write(
                    backbone, scores.mean(), task=task, kind=kind, protocol=protocol, metric=metric, metrics=metrics,
                    seed=seed, profile="probe",
                    cases=[{"case": f"{n}", metric: s} for n, s in enumerate(scores)] if has_cases else [],
                )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("dice", "Dice"),
        ("dice/vessel", "Dice, vessel"),
        ("last_slice_dice", "mean Dice of slices, last epoch"),
        ("balanced_accuracy", "balanced accuracy"),
        ("accuracy_without_copies", "accuracy, without copies"),
        ("accuracy_gaussian_noise_3", "accuracy, gaussian noise 3"),
        ("r2_or_0_blur_1", "R², 0 if negative, blur 1"),
        ("invariance_rotation", "invariance, rotation"),
        ("precision_at_5", "precision, at 5"),
        ("dice_blur_1/tumour", "Dice, blur 1, tumour"),
        ("their_own_score", "their_own_score"),
    ],
)
def test_metrics_have_names(metric: str, name: str) -> None:
    assert metric_name(metric) == name


def test_units_and_directions() -> None:
    assert value_text("accuracy_blur_2", 0.5) == "50.0" and value_text("r2", -0.05) == "-5.0"
    assert value_text("mae", 7.25) == "7.25" and value_text("setting", 1e-6) == "1e-06"
    assert (
        value_text("mae_blur_1", 1234.5) == "1234" and value_text("their_own_score", 0.25) == "25.0"
    )
    less = {
        m
        for m in ("ece", "brier", "mae", "mae_blur_1", "r2", "dice")
        if describe_metric(m).less_is_better
    }
    assert less == {"ece", "brier", "mae", "mae_blur_1"}


def test_the_leaderboard_shows_all_columns(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", str(study), "--latex"]) == 0
    told = capsys.readouterr()
    text = (study / "leaderboard" / "leaderboard.md").read_text()
    for task, _, protocol, metric, _ in COLUMNS:
        assert f"{task}<br>{metric_name(metric)}, {protocol}" in text
    assert "Profile probe: probes of frozen features, not the paper's experiments" in " ".join(
        told.out.split()
    )
    first, *_ = (line for line in text.splitlines() if line.startswith("| imagenet"))
    assert first.startswith("| imagenet_efficientnet_lite0 | 1.00 | 100.0 |")


@pytest.mark.parametrize(
    ("metric", "best", "shown", "note"),
    [
        ("mae", "imagenet_efficientnet_lite0", "**7** ± 0", "Less mean absolute error is better."),
        (
            "ece",
            "imagenet_efficientnet_lite0",
            "**8.0** ± 0.0",
            "Less calibration error is better.",
        ),
        ("brier", "imagenet_efficientnet_lite0", "**1.2** ± 0", "Less Brier score is better."),
        ("auroc", "own", "**84.0** ± 0.0", "Bold: the best of its column."),
        ("r2", "imagenet_efficientnet_lite0", "**-125.0** ± 0.0", "Percent: mean"),
    ],
)
def test_a_board_of_a_metric_ranks_in_its_direction(
    study: Path, metric: str, best: str, shown: str, note: str
) -> None:
    assert main(["leaderboard", str(study), "--metric", metric]) == 0
    text = (study / "leaderboard" / "leaderboard.md").read_text()
    rows = [
        line for line in text.splitlines() if line.startswith(("| imagenet", "| random", "| own"))
    ]
    assert rows[0].startswith(f"| {best} | 1.00 | 100.0 | {shown} |") and note in text
    assert rows[2].split(" | ")[1:3] == ["3.00", "0.0"]
    assert ("In the metric's own unit" in text) == (metric in ("mae", "brier"))


def test_pages_show_each_metric_in_its_unit(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert main(["site", str(study), "--out", str(out)]) == 0
    regression = (out / "tasks" / "age.html").read_text()
    assert (
        ">7</td>" in regression
        and ">-125.0</td>" in regression
        and "R², 0 if negative, %" in regression
    )
    classification = (out / "tasks" / "pneumonia.html").read_text()
    assert (
        ">20</td>" in classification
        and ">100</td>" in classification
        and ">1.2</td>" in classification
    )
    index = (out / "index.html").read_text()
    assert all(f">{name}</h2>" in index for name in ("average precision", "R², 0 if negative"))


def test_other_verbs_take_them(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, out = str(study), str(tmp_path / "out")
    assert main(["compare", results, "imagenet_efficientnet_lite0", "own"]) == 0
    compared = " ".join(capsys.readouterr().out.split())
    assert "On age (regression)," in compared and "points of R², 0 if negative" in compared
    assert main(["figures", results, "--out", out, "--kind", "bars", "cost"]) == 0
    drawn = capsys.readouterr().out
    assert all(f"bars-{task}-{protocol}.svg" in drawn for task, _, protocol, _, _ in COLUMNS)
    columns = [f"{task}:{protocol}" for task, _, protocol, _, _ in COLUMNS]
    assert main(["tables", results, "--out", out, "--columns", *columns]) == 0
    tables = capsys.readouterr().out
    assert all(f"{task}<br>{metric_name(metric)}" in tables for task, _, _, metric, _ in COLUMNS)
    assert main(["tables", results, "--out", out]) == 0
    assert "age (regression)" in capsys.readouterr().err


@pytest.mark.parametrize("metric", ["ece", "mae", "setting"])
@pytest.mark.parametrize("verb", ["leaderboard", "compare", "tables", "figures", "site"])
def test_a_headline_that_is_no_score_is_left_out(
    write: Callable[..., Path],
    tmp_path: Path,
    errors: Callable[..., list[str]],
    verb: str,
    metric: str,
) -> None:
    for backbone in ("a", "b"):
        for seed in range(2):
            write(backbone, 0.5 + 0.1 * seed, seed=seed)
    bad = write("a", 0.2, task="age", metric=metric, cases=[])
    more = ["a", "b"] if verb == "compare" else ["--out", str(tmp_path / "out")]
    (problem,) = errors(verb, tmp_path, *more)
    assert f"{bad}: the headline of age (finetune) is {metric}, left out" in problem
    assert "Make a score the headline of which more is better" in problem
