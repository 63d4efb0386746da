"""Runs on frozen features: what a seed draws, what runs share, and that both ways to a linear classifier agree."""

from __future__ import annotations

import copy
import dataclasses
import json
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from mmengine.runner import Runner
from PIL import Image
from torch import nn

from benchmarks import profiles
from benchmarks.grid import RunSpec
from benchmarks.labels import label_subset, probed_images
from benchmarks.probing import probe_and_test
from lvmmed_backbones.evaluation.encoders.named import of_entry
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.probes.logistic import standardised
from lvmmed_backbones.evaluation.store import KEYS, ROWS
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records.gallery import INDEX
from tasks import registry
from tests.factories import configured, run_on, signal_of_child

SPEC = RunSpec("brain_tumor_linear", "imagenet_efficientnet_lite0", "mini", 0)


@pytest.fixture(autouse=True)
def _one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests fork, and threads of torch do not survive that; a run is forked from a process that has none."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    torch.set_num_threads(1)


def lists(prepared: Path, dataset: str) -> dict[str, set[str]]:
    """The images of each published list, without extension."""
    return {
        part: {
            line.rpartition(" ")[0].rpartition(".")[0]
            for line in (prepared / dataset / "splits" / f"{part}.txt").read_text().splitlines()
        }
        for part in ("train", "valid", "test")
    }


def parts(task: str, prepared: Path, seed: int, split: str = "published") -> dict[str, set[str]]:
    """The images that a run draws, by part."""
    config = configured(RunSpec(task, SPEC.backbone, "mini", seed, split=split))
    data = probed_images(config, prepared / config.task.dataset, seed)
    return {
        part: {Path(data.names[place]).stem for place in data.of(part)}
        for part in ("train", "valid", "test")
    }


def test_a_seed_draws_the_valid_images_from_those_that_are_no_test_images(
    prepared_root: Path,
) -> None:
    published = lists(prepared_root, "brain_tumor")
    drawn = [parts("brain_tumor_linear", prepared_root, seed) for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] and drawn[0]["valid"] != drawn[1]["valid"]
    for found in drawn:
        assert found["test"] == published["test"]
        assert found["train"] | found["valid"] == published["train"] | published["valid"]
        assert not found["train"] & found["valid"]
        share = len(found["valid"]) / len(found["train"] | found["valid"])
        assert share == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("split", ["published", "clean"])
def test_the_test_images_of_fgadr_choose_nothing_though_its_list_says_so(
    prepared_root: Path, split: str
) -> None:
    published = lists(prepared_root, "fgadr")
    assert published["valid"] == published["test"]
    found = parts("fgadr_linear", prepared_root, 0, split)
    assert found["test"] == published["test"]
    assert found["train"] | found["valid"] == published["train"]


def test_whole_patients_are_drawn_where_they_are_known(prepared_root: Path) -> None:
    config = configured(dataclasses.replace(SPEC, task="hippocampus_linear"))
    drawn = []
    for seed in (0, 1):
        data = probed_images(config, prepared_root / "hippocampus", seed)
        by_part = {p: {data.cases[i] for i in data.of(p)} for p in ("train", "valid", "test")}
        assert sum(map(len, by_part.values())) == len(set(data.cases))
        assert len(by_part["valid"]) == pytest.approx(
            0.2 * len(by_part["train"] | by_part["valid"]), abs=1
        )
        drawn.append(by_part)
    assert drawn[0]["test"] == drawn[1]["test"] and drawn[0]["valid"] != drawn[1]["valid"]


@pytest.mark.parametrize("line", ["image.png", "image.png 4", "image.png one"])
def test_a_line_without_a_label_is_refused(line: str, prepared_root: Path, tmp_path: Path) -> None:
    shutil.copy(prepared_root / "brain_tumor" / "meta.json", tmp_path)
    (tmp_path / "splits").mkdir()
    for part in ("train", "valid", "test"):
        (tmp_path / "splits" / f"{part}.txt").write_text(line + "\n")
    with pytest.raises(Refused, match=r"splits.*Prepare the data set again"):
        probed_images(configured(SPEC), tmp_path, 0)


def test_a_smaller_share_of_the_labels_is_a_part_of_a_larger_one(prepared_root: Path) -> None:
    config, root = configured(SPEC), prepared_root / "brain_tumor"
    shares = [set(label_subset(config, root, fraction, 0) or ()) for fraction in (0.1, 0.4, 0.7)]
    assert shares[0] < shares[1] < shares[2] and shares[0]
    assert label_subset(config, root, 1.0, 0) is label_subset(config, root, 0.9999, 0) is None


@pytest.mark.parametrize("change", [dict(image_size=32), dict(settings=(0.1,))], ids=str)
def test_settings_and_size_are_part_of_a_runs_identity(
    change: dict, prepared_root: Path, tmp_path: Path
) -> None:
    run = run_on(SPEC, prepared_root, tmp_path)
    budget = dataclasses.replace(profiles.get("mini").budgets["linear"], **change)
    assert run_on(SPEC, prepared_root, tmp_path, budget).folder != run.folder
    assert str(tmp_path) not in configured(SPEC).pretty_text
    assert run_on(SPEC, prepared_root, tmp_path / "elsewhere").folder.name == run.folder.name


def test_nearest_neighbours_are_probed_in_every_profile() -> None:
    """Without a training there is nothing that the profile `paper` could leave as it is."""
    task = dict(registry.get("brain_tumor_linear").task, name="brain_tumor_knn", protocol="knn")
    for name in profiles.names():
        assert isinstance(profiles.get(name).budget(task), profiles.ProbeBudget)
    paper = dataclasses.replace(profiles.get("paper"), name="other", budgets={})
    assert paper.budget(task) is profiles.NEIGHBOURS


def computed(folder: Path) -> list[bytes]:
    """The images of which features lie in a folder."""
    content = [file.read_bytes() for file in folder.glob(f"features/*/{KEYS}")]
    return [keys[i : i + 16] for keys in content for i in range(0, len(keys), 16)]


def test_a_run_leaves_what_trained_runs_leave(prepared_root: Path, tmp_path: Path) -> None:
    run = run_on(SPEC, prepared_root, tmp_path)
    record = probe_and_test(run)
    assert set(record.metrics) == {"accuracy", "kappa", "macro_f1", "auroc"}
    assert record.protocol == "linear" and record.task_version == 2
    assert {row["case"] for row in record.cases} == lists(prepared_root, "brain_tumor")["test"]
    by_case = {row["case"]: row for row in record.cases}
    for row in record.cases:
        assert set(row) == {"case", "accuracy", "probability", "truth", "prediction"}
    right = np.mean([row["accuracy"] for row in record.cases])
    assert record.metrics["accuracy"] == pytest.approx(right)
    index = json.loads((run.folder / "gallery" / INDEX).read_text())
    assert index["kind"] == "classification" and index["classes"] == list(
        run.config.test_dataloader.dataset.metainfo.classes
    )
    for entry in index["entries"]:
        row = by_case[entry["case"]]
        assert (entry["truth"], entry["prediction"]) == (row["truth"], row["prediction"])
        assert entry["probabilities"][entry["truth"]] == pytest.approx(row["probability"], abs=1e-5)
        assert (run.folder / "gallery" / entry["files"]["image"]).is_file()


def test_seeds_shares_and_probes_have_the_features_of_a_backbone_once(
    prepared_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe_and_test(run_on(SPEC, prepared_root, tmp_path))
    keys = computed(tmp_path)
    assert len(keys) == len(set(keys)) > 64
    task = copy.deepcopy(registry.get("brain_tumor_linear"))
    task.task.update(name="brain_tumor_knn", protocol="knn")
    monkeypatch.setitem(registry._registered, ("brain_tumor_knn", "suite"), task)
    specs = [
        dataclasses.replace(SPEC, seed=1),
        dataclasses.replace(SPEC, label_fraction=0.5),
        dataclasses.replace(SPEC, task="brain_tumor_knn"),
    ]
    records = [probe_and_test(run_on(spec, prepared_root, tmp_path)) for spec in specs]
    assert computed(tmp_path) == keys
    assert [record.protocol for record in records] == ["linear", "linear", "knn"]
    train = [record.data.counts["train"] for record in records]
    assert train[0] == train[2] and train[1] == pytest.approx(train[0] / 2, abs=3)


def test_a_dense_run_scores_volumes_and_shows_their_fullest_slice(
    prepared_root: Path, tmp_path: Path
) -> None:
    run = run_on(dataclasses.replace(SPEC, task="hippocampus_linear"), prepared_root, tmp_path)
    record = probe_and_test(run)
    classes = ["anterior", "posterior"]
    assert {f"{m}/{c}" for m in ("dice", "iou") for c in classes} <= set(record.cases[0])
    assert record.kind == "volumes" and record.metric == "iou"
    assert record.metrics["iou"] == pytest.approx(np.mean([row["iou"] for row in record.cases]))
    assert record.metrics["dice"] > 0.1  # of an untrained guess: 0
    index = json.loads((run.folder / "gallery" / INDEX).read_text())
    by_case = {row["case"]: row["iou"] for row in record.cases}
    masks = prepared_root / "hippocampus" / "masks"
    for entry in index["entries"]:
        assert entry["score"] == by_case[entry["case"]]
        with Image.open(masks / f"{entry['image']}.png") as mask:
            truth = np.asarray(mask)
        with Image.open(run.folder / "gallery" / entry["files"]["truth"]) as shown:
            assert (np.asarray(shown) == truth).all() and (truth > 0).any()


def test_random_weights_are_others_for_each_seed(prepared_root: Path, tmp_path: Path) -> None:
    """As those of a trained run; and the same for the same seed."""
    spec = dataclasses.replace(SPEC, backbone="random_resnet18_half")
    for seed, networks in ((0, 1), (1, 2), (0, 2)):
        probe_and_test(run_on(dataclasses.replace(spec, seed=seed), prepared_root, tmp_path))
        assert len(list(tmp_path.glob(f"features/*/{KEYS}"))) == networks


def test_a_killed_run_leaves_features_that_the_next_one_goes_on_with(
    prepared_root: Path, tmp_path: Path
) -> None:
    whole = probe_and_test(run_on(SPEC, prepared_root, tmp_path / "whole"))
    run = run_on(SPEC, prepared_root, tmp_path)

    def second_batch(event: str, arguments: tuple) -> bool:
        return event == "open" and str(arguments[0]).endswith(ROWS)

    assert signal_of_child(lambda: probe_and_test(run), 2, second_batch)
    before = computed(tmp_path)
    assert len(before) == 64
    record = probe_and_test(run)
    assert computed(tmp_path) == computed(tmp_path / "whole") and len(before) < len(
        computed(tmp_path)
    )
    assert (record.metrics, record.cases) == (whole.metrics, whole.cases)


@pytest.mark.usefixtures("no_hang")
def test_runs_at_a_time_wait_for_each_others_features(prepared_root: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    runs = [
        run_on(dataclasses.replace(SPEC, seed=seed), prepared_root, tmp_path) for seed in (0, 1, 2)
    ]
    processes = [context.Process(target=probe_and_test, args=(run,)) for run in runs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    keys = computed(tmp_path)
    assert (
        len(keys) == len(set(keys)) == sum(map(len, lists(prepared_root, "brain_tumor").values()))
    )


class Standardise(nn.Module):
    """The scaling of `fit_logistic`, between a backbone and mmpretrain's linear head."""

    def __init__(self, mean: list[float], scale: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, features: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return ((features[-1] - self.mean) * self.scale,)


@pytest.mark.slow
def test_a_frozen_network_trained_to_its_end_by_mmengine_is_the_probe(
    prepared_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full batches, the same images, scaling and penalty: probabilities differ by less than 1e-3."""
    penalty, steps, side = 1.0, 150, 32
    run = run_on(
        SPEC,
        prepared_root,
        tmp_path,
        profiles.ProbeBudget(image_size=side, seconds=1, settings=(penalty,)),
    )
    record = probe_and_test(run)

    root = prepared_root / "brain_tumor"
    data = probed_images(run.config, root, SPEC.seed)
    train = data.of("train")
    encoder = of_entry(SPEC.backbone, run.backbone, None, side, 0)
    features = torch.from_numpy(extract(encoder, data, tmp_path / "features").values[train])
    columns, mean, scale = standardised(features[None].double())
    curvature = float(torch.linalg.svdvals(columns)[0, 0] ** 2) / len(train) / 2 + penalty
    budget = profiles.Budget(
        image_size=side,
        batch_size=len(train),
        iterations=steps,
        validations=0,
        seconds=1,
        optimizer=dict(
            type="SGD", lr=1 / curvature, momentum=0.8, nesterov=True, weight_decay=penalty
        ),
    )
    config = run_on(SPEC, prepared_root, tmp_path / "trained", budget).config
    listed = tmp_path / "train.txt"
    listed.write_text(
        "".join(f"{data.images[p].relative_to(root / 'images')} {data.labels[p]}\n" for p in train)
    )
    config.train_dataloader.dataset.ann_file = str(listed)
    config.train_dataloader.sampler.shuffle = False
    for loader in ("train_dataloader", "test_dataloader"):
        (resize,) = (t for t in config[loader].dataset.pipeline if t.type == "Resize")
        resize.interpolation = "area"
    config.param_scheduler = []
    config.optim_wrapper.paramwise_cfg = dict(bias_decay_mult=0)
    monkeypatch.setitem(MODELS.module_dict, "Standardise", Standardise)
    config.model.neck = dict(
        type="mmengine.Standardise", mean=mean.flatten().tolist(), scale=scale.flatten().tolist()
    )
    runner = Runner.from_cfg(config)
    runner.train()
    metrics = runner.test()
    cases = json.loads(Path(config.test_evaluator.cases_file).read_text())
    assert [row["case"] for row in cases] == [row["case"] for row in record.cases]
    probabilities = [[row["probability"] for row in rows] for rows in (cases, record.cases)]
    np.testing.assert_allclose(*probabilities, atol=1e-3)
    assert np.ptp(probabilities[0]) > 0.1
    assert metrics == pytest.approx(record.metrics, abs=1e-9)
