"""The gallery of a run shows the right cases, predicted as they were tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.runner import Runner
from PIL import Image
from pycocotools.coco import COCO

from benchmarks import gallery
from benchmarks.gallery import choose, fullest_slice, save_labels, small
from benchmarks.grid import RunSpec
from lvmmed_backbones.evaluation.overlap import dice, iou, overlap_counts
from lvmmed_backbones.records.gallery import INDEX, SIDE
from tasks.metrics import case_name
from tasks.metrics.detection import average_precision, mean
from tests.factories import placed

scores = st.none() | st.integers(0, 4).map(lambda n: n / 4)


@given(st.dictionaries(st.text(min_size=1, max_size=3), scores, max_size=9))
def test_the_best_the_median_and_the_worst(by_case: dict[str, float | None]) -> None:
    chosen = choose([dict(case=c, dice=s) for c, s in by_case.items()], "dice")
    defined = sorted(s for s in by_case.values() if s is not None)
    roles = [["best"], ["best", "worst"], ["best", "median", "worst"]]
    assert list(chosen) == ([] if not defined else roles[min(len(defined), 3) - 1])
    assert len({row["case"] for row in chosen.values()}) == len(chosen)
    if defined:
        assert chosen["best"]["dice"] == defined[-1]
    if len(defined) > 1:
        assert chosen["worst"]["dice"] == defined[0]
    if len(defined) > 2:
        assert chosen["median"]["dice"] == defined[(len(defined) - 1) // 2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), max_size=9))
def test_the_most_and_the_least_sure_and_a_wrong_one(answers: list[tuple[bool, int]]) -> None:
    rows = [
        dict(case=f"{n}", accuracy=float(right), probability=p / 10)
        for n, (right, p) in enumerate(answers)
    ]
    chosen = choose(rows, "probability")
    right = [p / 10 for ok, p in answers if ok]
    wrong = [p / 10 for ok, p in answers if not ok]
    got = {role: row["probability"] for role, row in chosen.items()}
    expected = {"most sure": max(right, default=None), "wrong": min(wrong, default=None)}
    if len(right) > 1:
        expected["least sure"] = min(right)
    assert got == {role: p for role, p in expected.items() if p is not None}
    assert all(row["accuracy"] == (role != "wrong") for role, row in chosen.items())


def test_equal_scores_are_ordered_by_name() -> None:
    rows = [dict(case=name, dice=0.5) for name in "bca"]
    assert {r: row["case"] for r, row in choose(rows, "dice").items()} == {
        "best": "c", "median": "b", "worst": "a",
    }  # fmt: skip


def test_the_fullest_slice_is_of_the_volume_itself() -> None:
    pixels = {"a/0": 3, "a/2": 7, "a/1": 7, "ab/0": 90, "a/b/0": 80}
    assert fullest_slice("a", pixels) == "a/1"
    with pytest.raises(ValueError, match="'c' has no slice"):
        fullest_slice("c", pixels)


@pytest.mark.parametrize("classes", [2, 8, 40])
def test_label_maps_keep_their_classes(tmp_path: Path, classes: int) -> None:
    labels = np.random.default_rng(0).integers(0, classes, (30, 50)).astype(np.uint8)
    labels[0] = 255
    assert save_labels(labels, tmp_path / "map.png") == "map.png"
    with Image.open(tmp_path / "map.png") as image:
        np.testing.assert_array_equal(np.asarray(image), labels)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert {a for _, (*_, a) in image.convert("RGBA").getcolors()} == {0, 255}


@pytest.mark.parametrize("size", [(4, 3), (512, 512), (4000, 3000), (3, 9000), (1, 100000)])
def test_images_are_small_and_keep_their_shape(size: tuple[int, int]) -> None:
    width, height = small(size)
    assert max(width, height) == min(SIDE, max(size))
    assert abs(width / height - size[0] / size[1]) <= 1 / height + size[0] / size[1] / width


def trained_and_tested(
    task: str, prepared: Path, folder: Path
) -> tuple[Runner, dict[str, float], list[dict[str, Any]]]:
    """Train a model for a few steps, test it, write its gallery into `folder`/gallery; return metrics and cases."""
    config = placed(RunSpec(task, "random_vit_tiny", "mini", seed=0), prepared, folder)
    config.train_cfg.max_iters = 25
    runner = Runner.from_cfg(config)
    runner.train()
    unwatched = runner.test()
    pixels = gallery.watch(runner)
    metrics = runner.test()
    assert metrics == unwatched
    written = (folder / "cases.json").read_bytes()
    gallery.write(runner, json.loads(written), pixels, folder / "gallery")
    assert runner.test() == metrics
    assert (folder / "cases.json").read_bytes() == written
    return runner, metrics, json.loads(written)


def index(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "gallery" / INDEX).read_text())
    named = {name for entry in content["entries"] for name in entry["files"].values()}
    assert {path.name for path in (folder / "gallery").iterdir()} == named | {INDEX}
    assert not list(folder.glob("*.partial"))
    assert sum(p.stat().st_size for p in (folder / "gallery").iterdir()) < 2**20
    return content


def labels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_of_segmentation_the_files_give_the_scores_again(
    prepared_root: Path, tmp_path: Path
) -> None:
    runner, _, cases = trained_and_tested("jsrt", prepared_root, tmp_path)
    content = index(tmp_path)
    assert (content["kind"], content["metric"]) == ("segmentation", "dice")
    assert content["classes"] == ["background", "lung", "heart"]
    assert [entry["role"] for entry in content["entries"]] == ["best", "median", "worst"]
    by_case = {row["case"]: row["dice"] for row in cases}
    assert content["entries"][0]["score"] == max(by_case.values()) > 0
    for entry in content["entries"]:
        files = {name: tmp_path / "gallery" / file for name, file in entry["files"].items()}
        counts = overlap_counts(labels(files["prediction"]), labels(files["truth"]), 3)
        assert np.nanmean(dice(counts)[1:]) == pytest.approx(entry["score"], abs=1e-3)
        assert entry["score"] == by_case[entry["case"]]
        (original,) = (prepared_root / "jsrt" / "images").glob(f"{entry['case']}.*")
        np.testing.assert_array_equal(labels(files["image"]), labels(original))

    # An older gallery is replaced as a whole.
    (tmp_path / "gallery" / "stale.png").touch()
    gallery.write(runner, cases[:1], {}, tmp_path / "gallery")
    assert [entry["role"] for entry in index(tmp_path)["entries"]] == ["best"]

    gallery.write(runner, [dict(case="x", dice=None)], {}, tmp_path / "gallery")
    assert index(tmp_path)["entries"] == []
    with pytest.raises(ValueError, match="no test image is called 'nobody'"):
        gallery.write(runner, [dict(case="nobody", dice=0.1)], {}, tmp_path / "gallery")
    assert index(tmp_path)["entries"] == []


def test_of_a_volume_the_slice_with_most_foreground(prepared_root: Path, tmp_path: Path) -> None:
    runner, _, cases = trained_and_tested("mmwhs_ct", prepared_root, tmp_path)
    content = index(tmp_path)
    assert (content["kind"], content["metric"]) == ("volumes", "iou")
    dataset = runner.test_dataloader.dataset
    for entry in content["entries"]:
        maps = {}
        for number in range(len(dataset)):
            name = case_name(dataset.get_data_info(number)["img_path"])
            if name.rpartition("/")[0] == entry["case"]:
                sample = gallery.predict(runner, number)
                maps[name] = [
                    data.data[0].numpy() for data in (sample.gt_sem_seg, sample.pred_sem_seg)
                ]
        truths, predictions = (np.stack(some) for some in zip(*maps.values(), strict=True))
        scored = iou(overlap_counts(predictions, truths, 8))[1:]
        assert np.nanmean(scored) == pytest.approx(entry["score"], abs=1e-3)
        fullest = max(((a > 0) | (b > 0)).sum() for a, b in maps.values())
        shown = [labels(tmp_path / "gallery" / entry["files"][n]) for n in ("truth", "prediction")]
        assert ((shown[0] > 0) | (shown[1] > 0)).sum() == pytest.approx(fullest, abs=5)
        np.testing.assert_array_equal(shown[0], maps[entry["image"]][0])
    assert {entry["case"] for entry in content["entries"]} <= {row["case"] for row in cases}


def test_of_detection_the_boxes_give_the_score_again(prepared_root: Path, tmp_path: Path) -> None:
    trained_and_tested("kvasir_detection", prepared_root, tmp_path)
    content = index(tmp_path)
    assert (content["kind"], content["metric"]) == ("detection", "map50")
    coco = COCO(str(prepared_root / "kvasir" / "splits" / "test.json"))
    by_name = {Path(image["file_name"]).stem: image["id"] for image in coco.imgs.values()}
    for entry in content["entries"]:
        boxes = json.loads((tmp_path / "gallery" / entry["files"]["boxes"]).read_text())
        image = by_name[entry["case"]]
        found = [
            dict(
                image_id=image,
                category_id=coco.getCatIds()[one["label"]],
                bbox=[one["box"][0], one["box"][1], *np.subtract(one["box"][2:], one["box"][:2])],
                score=one["score"],
            )
            for one in boxes["prediction"]
        ]
        again = 0.0
        if found:
            loaded = coco.loadRes(found)
            again = mean(average_precision(coco, loaded, [image], coco.getCatIds())[0])
        assert again == pytest.approx(entry["score"], abs=0.02)
        expected = [
            np.add(one["bbox"], [0, 0, *one["bbox"][:2]])
            for one in coco.loadAnns(coco.getAnnIds(imgIds=[image]))
        ]
        np.testing.assert_allclose([one["box"] for one in boxes["truth"]], expected, atol=0.01)


def test_of_classification_the_probabilities_are_those_of_the_cases(
    prepared_root: Path, tmp_path: Path
) -> None:
    _, _, cases = trained_and_tested("brain_tumor_finetune", prepared_root, tmp_path)
    content = index(tmp_path)
    assert (content["kind"], content["metric"]) == ("classification", "probability")
    by_case = {row["case"]: row for row in cases}
    assert content["entries"]
    for entry in content["entries"]:
        row = by_case[entry["case"]]
        assert (entry["truth"], entry["prediction"]) == (row["truth"], row["prediction"])
        assert entry["probabilities"][entry["truth"]] == pytest.approx(row["probability"], abs=1e-4)
        assert sum(entry["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert (entry["role"] == "wrong") == (row["accuracy"] == 0)
