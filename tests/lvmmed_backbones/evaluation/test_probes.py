"""Probes by name, from images to records that the reports read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import Ridge
from sklearn.metrics import average_precision_score, r2_score
from sklearn.preprocessing import StandardScaler, normalize

from lvmmed_backbones import records
from lvmmed_backbones.evaluation import (
    Evaluation,
    LabelledImages,
    Resize,
    classification,
    evaluate,
)
from lvmmed_backbones.evaluation.classification import Split, attentive, sweep
from lvmmed_backbones.evaluation.protocols import PROBES
from lvmmed_backbones.evaluation.regression import PENALTIES, ridge
from lvmmed_backbones.evaluation.scores import classification_scores
from reports.cli import main
from tests.lvmmed_backbones.evaluation.pictures import Blind, Grid, greys, squares

OF_CLASSES = [name for name, probe in PROBES.items() if "classification" in probe.kinds]


def brightness() -> LabelledImages:
    """The target is the mean brightness."""
    data = greys()
    targets = np.array([image.mean() for image in data.images])
    none = np.zeros(len(data), int)
    return replace(data, name="bright", labels=none, targets=targets, classes=["brightness"])


def test_every_probe_of_classes_through_records_and_reports(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification, "ATTENTIVE_STEPS", 60)
    data = greys(26)
    for network in (Grid(), Blind()):
        result = evaluate(
            network,
            data,
            transform=Resize(16),
            probes=OF_CLASSES,
            seeds=(0, 1),
            cache=tmp_path / "cache",
            results=tmp_path / "results",
        )
        assert not [note for note in result.notes if "leaves out" in note]
    shots = [f"few_shot_{number}" for number in (1, 5, 10, 25)]
    protocols = {"knn", "linear", "sweep", "attentive", "retrieval", *shots}
    stored, problems = records.read(tmp_path / "results")
    assert not problems and len(stored) == 2 * 2 * len(protocols)
    assert {record.protocol for record in stored} == protocols
    means: dict[str, dict[str, float]] = {"Grid": {}, "Blind": {}}
    for record in stored:
        means[record.backbone.name][record.protocol] = record.value
        assert len(records.read_cases(record)) == 78
    assert all(means["Grid"][name] > means["Blind"][name] + 0.1 for name in protocols), means
    assert means["Grid"]["few_shot_25"] > means["Grid"]["few_shot_1"]
    assert main(["leaderboard", str(tmp_path / "results")]) == 0
    assert "Grid" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "results"), "Grid", "Blind", "--json"]) == 0
    said = capsys.readouterr().out
    assert said.count('"cases": 78') == len(protocols)


def shown(result: Evaluation) -> str:
    console = Console(file=io.StringIO(), width=80)
    result.table(console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_few_shot_records_have_the_interval_of_the_draws(tmp_path: Path) -> None:
    result = evaluate(
        Grid(), greys(6), transform=Resize(16), probes=["few_shot"], seeds=[0], cache=tmp_path
    )
    assert [record.protocol for record in result.records] == ["few_shot_1", "few_shot_5"]
    for record in result.records:
        low, mean, high = (
            record.metrics[name] for name in ("accuracy_low", "accuracy", "accuracy_high")
        )
        assert low is not None and mean is not None and high is not None and low <= mean <= high
        shares = [case["accuracy"] for case in record.cases]
        assert mean == pytest.approx(np.mean(shares)) and record.metrics["draws"] == 100
    assert result.records[0].metrics["accuracy_low"] < result.records[1].metrics["accuracy_low"]
    (note,) = [note for note in result.notes if "few_shot" in note]
    assert "leaves out 10, 25 images of each class, since dark has 6 for training" in note
    assert "leaves out 10, 25" in " ".join(shown(result).split())


def test_retrieval_is_average_precision(tmp_path: Path) -> None:
    data = greys()
    result = evaluate(
        Grid(), data, transform=Resize(16), probes=["retrieval"], seeds=[0], cache=tmp_path
    )
    (record,) = result.records
    assert record.metric == "average_precision"
    resize, train, test = Resize(16), data.of("train"), data.of("test")
    vectors = np.stack(
        [Grid()(resize(data.pixels(place))[None]).mean((2, 3))[0].numpy() for place in range(90)]
    )
    similar = normalize(vectors[test]) @ normalize(vectors[train]).T
    for row, place in enumerate(test):
        own = data.labels[train] == data.labels[place]
        expected = average_precision_score(own, similar[row])
        assert record.cases[row]["average_precision"] == pytest.approx(expected, abs=1e-4)
        first = own[np.argsort(-similar[row])[:5]]
        assert record.cases[row]["precision_at_5"] == pytest.approx(first.mean())


def test_regression_is_ridge(tmp_path: Path, capsys) -> None:
    result = evaluate(
        [Grid(), Blind()], brightness(), transform=Resize(16), seeds=(0, 1), cache=tmp_path / "c"
    )
    result.save(tmp_path / "results")
    good, bad = result.records[0], result.records[2]
    assert (good.protocol, good.metric, good.kind) == ("regression", "r2_or_0", "regression")
    truth, guesses = (
        np.array([case[name] for case in good.cases]) for name in ("truth", "prediction")
    )
    assert good.metrics["r2"] == pytest.approx(r2_score(truth, guesses))
    assert good.metrics["mae"] == pytest.approx(np.abs(truth - guesses).mean())
    assert good.cases[3]["absolute_error"] == pytest.approx(abs(truth[3] - guesses[3]))
    assert good.metrics["r2"] > 0.95 > bad.metrics["r2"]
    assert "mae" in shown(result)
    assert main(["leaderboard", str(tmp_path / "results")]) == 0
    assert main(["compare", str(tmp_path / "results"), "Grid", "Blind"]) == 0


def test_the_penalty_of_a_regression_is_chosen_on_valid_images() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(90, 40)).astype(np.float32)
    targets = features[:, 0] + random.normal(size=90)
    split = Split(np.arange(40), np.arange(40, 70), np.arange(70, 90))
    (line,) = ridge(features, targets, [split])
    scaler = StandardScaler().fit(features[:40])
    errors = {}
    for penalty in PENALTIES:
        model = Ridge(40 * penalty).fit(scaler.transform(features[:40]), targets[:40])
        guesses = model.predict(scaler.transform(features[40:70]))
        errors[penalty] = np.square(guesses - targets[40:70]).mean(), model
    best = min(errors, key=lambda penalty: errors[penalty][0])
    assert line.penalty == best
    expected = errors[best][1].predict(scaler.transform(features[70:]))
    np.testing.assert_allclose(line.predict(features[70:]), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "metric", "cases"), [("volumes", "iou", 3), ("segmentation", "dice", 18)]
)
def test_dense_scores_volumes_and_images(
    tmp_path: Path, capsys, kind: str, metric: str, cases: int
) -> None:
    sizes = (9, 6) if kind == "volumes" else (54, 1)
    data = squares(*sizes).stored(tmp_path / "data", kind)
    result = evaluate(
        [Grid(), Blind()], data, transform=Resize(32), seeds=(0, 1), cache=tmp_path / "c"
    )
    result.save(tmp_path / "results")
    good, bad = result.records[0], result.records[2]
    assert (good.protocol, good.metric, good.kind) == ("dense", metric, kind)
    assert (
        len(good.cases) == cases
        and {"dice", "iou", "dice/half", "iou/bright"} <= good.cases[0].keys()
    )
    for name in ("dice", "iou"):
        assert good.metrics[name] == pytest.approx(np.mean([case[name] for case in good.cases]))
    assert good.metrics[metric] > bad.metrics[metric] + 0.1
    assert "iou" in shown(result)
    assert main(["leaderboard", str(tmp_path / "results")]) == 0
    assert main(["compare", str(tmp_path / "results"), "Grid", "Blind", "--json"]) == 0
    assert f'"cases": {cases}' in capsys.readouterr().out


def test_other_masks_are_other_data(tmp_path: Path) -> None:
    data = squares()
    one, other = (
        evaluate(Grid(), stored, transform=Resize(32), seeds=[0], cache=tmp_path / "c").records[0]
        for stored in (
            data.stored(tmp_path / "one", "volumes"),
            replace(data, masks=data.masks[::-1]).stored(tmp_path / "other", "volumes"),
        )
    )
    assert one.data.fingerprint != other.data.fingerprint and one.run != other.run


def test_volumes_are_scored_by_the_mean_of_their_slices(tmp_path: Path) -> None:
    data = replace(greys(), volumes=[f"v{n % 3}{n // 6}" for n in range(90)])
    result = evaluate(
        Grid(),
        data,
        transform=Resize(16),
        seeds=[0],
        probes=["knn", "few_shot", "retrieval"],
        corruptions=["contrast_down"],
        cache=tmp_path,
    )
    for record in result.records:
        assert [case["case"] for case in record.cases][:4] == ["v010", "v110", "v210", "v011"]
        assert len(record.cases) == 15
        assert f"{record.metric}_contrast_down_1" in record.metrics
    with pytest.raises(
        ValueError, match="scored by the mean vector of their slices, and attentive"
    ):
        evaluate(Grid(), data, transform=Resize(16), probes=["attentive"], cache=tmp_path)


def test_corruptions_and_invariance_stand_in_the_record(tmp_path: Path) -> None:
    options = dict(transform=Resize(16), seeds=(0, 1), cache=tmp_path / "c")
    plain = evaluate(Grid(), greys(), **options)
    result = evaluate(
        Grid(),
        greys(),
        corruptions=["gaussian_noise", "general/brightness_up"],
        invariance=True,
        **options,
    )
    result.save(tmp_path / "results")
    stored, problems = records.read(tmp_path / "results")
    assert len(stored) == 4 and not problems
    assert not {record.run for record in plain.records} & {record.run for record in stored}
    for before, record in zip(plain.records, result.records, strict=True):
        metrics = record.metrics
        assert before.metrics.items() <= metrics.items()
        scores = [
            metrics[f"accuracy_{kind}_{severity}"]
            for kind in ("gaussian_noise", "brightness_up")
            for severity in range(1, 6)
        ]
        assert metrics["mean_corruption_error"] == pytest.approx(1 - np.mean(scores))
        assert metrics["accuracy_brightness_up_1"] > metrics["accuracy_brightness_up_5"]
        assert metrics["invariance_flip"] > metrics["invariance_intensity"]
    said = shown(result)
    assert "invariance" in said and "relative" in said
    assert max(len(line) for line in said.splitlines()) <= 80


def test_dense_probes_meet_corruptions_and_regressions_too(tmp_path: Path) -> None:
    for data in (squares().stored(tmp_path / "data", "volumes"), brightness()):
        (record,) = evaluate(
            Grid(),
            data,
            transform=Resize(32),
            seeds=[0],
            corruptions=["contrast_down"],
            invariance=True,
            cache=tmp_path,
        ).records
        assert f"{record.metric}_contrast_down_5" in record.metrics
        assert "invariance_rotation" in record.metrics


def test_all_seeds_of_a_sweep_are_trained_together() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = (np.eye(3)[labels] @ random.normal(size=(3, 8)) * 2).astype(np.float32)
    features += random.normal(size=features.shape).astype(np.float32)
    parts = np.arange(30), np.arange(30, 45), np.arange(45, 60)
    splits = [
        Split(*parts, seed=0),
        Split(*parts, seed=1),
        Split(parts[0][::-1].copy(), *parts[1:]),
    ]
    answers = sweep(features, labels, 3, splits)
    for split, answer in zip(splits, answers, strict=True):
        (alone,) = sweep(features, labels, 3, [split])
        np.testing.assert_allclose(answer.probabilities, alone.probabilities, atol=1e-5)
        assert answer.setting == alone.setting
    assert (answers[0].probabilities != answers[1].probabilities).any()
    with pytest.raises(ValueError, match=r"sweep: no learning rate from 5e-06 on converges"):
        sweep(features * np.float32(1e30), labels, 3, splits[:1])


def test_attention_beats_the_mean_where_a_place_tells_the_class() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(180) % 2
    maps = random.normal(size=(180, 8, 3, 3)).astype(np.float16)
    for place, label in enumerate(labels):
        row, column = random.integers(0, 3, 2)
        maps[place, :2, row, column] = 8, 4 * (2 * label - 1)
        maps[place, 1] -= maps[place, 1].mean()  # so that the mean says nothing
    split = Split(np.arange(100), np.arange(100, 140), np.arange(140, 180))
    (answer,) = attentive(maps, labels, 2, [split])
    scores = classification_scores(labels[split.test], answer.probabilities)
    assert scores["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("data", "probe", "words"),
    [
        (greys(2), "dense", "grey is for classification, and the probe dense for segmentation"),
        (greys(2), "regression", "choose from knn, linear, sweep, attentive, few_shot, retrieval"),
        (None, "knn", "squares is for volumes, .* choose from dense"),
        (brightness(), "linear", "bright is for regression, .* choose from regression"),
        (greys(2), "svm", "no probe 'svm': choose from knn, linear, sweep"),
    ],
)
def test_a_probe_that_does_not_fit_the_data_is_refused(
    tmp_path: Path, data: LabelledImages | None, probe: str, words: str
) -> None:
    given = data or squares(3, 2).stored(tmp_path / "data", "volumes")
    with pytest.raises(ValueError, match=words):
        evaluate(Grid(), given, transform=Resize(16), probes=[probe], cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_targets_without_spread_and_beyond_a_record(tmp_path: Path) -> None:
    data = brightness()
    options = dict(transform=Resize(16), seeds=[0], cache=tmp_path)
    same = replace(data, targets=np.where(data.parts == "test", 3.0, data.targets))
    with pytest.raises(ValueError, match="all test images have the target 3: R2 is undefined"):
        evaluate(Grid(), same, **options)
    assert data.targets is not None
    huge = replace(data, targets=data.targets * 1e12)
    with pytest.raises(ValueError, match=r"mae is .* more than a record holds: give targets in"):
        evaluate(Blind(), huge, **options)
