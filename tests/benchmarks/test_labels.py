"""Label fractions: patients, images and labels; what a run is then trained on."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

from benchmarks.grid import RunSpec
from benchmarks.labels import inner_dataset, label_subset, training_images
from benchmarks.record import counts
from lvmmed_backbones.files.outside import Refused
from tests.factories import configured, placed, trained

FRACTIONS = (0.01, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9)


def composed(task: str) -> Config:
    return configured(RunSpec(task, "random_vit_tiny", "paper", 0))


def chosen(config: Config, root: Path, fraction: float, seed: int = 0) -> list[str]:
    """Return the names of the images that a share of the labels takes."""
    root = root / config.task.dataset
    names, _ = training_images(config, root)
    places = label_subset(config, root, fraction, seed)
    return names if places is None else [names[place] for place in places]


@pytest.mark.parametrize("task", trained("paper"))
def test_a_smaller_share_is_a_part_of_a_larger_one(task: str, prepared_root: Path) -> None:
    config = composed(task)
    for seed in (0, 1):
        sets = [set(chosen(config, prepared_root, fraction, seed)) for fraction in FRACTIONS]
        assert sets[0] and all(one <= two for one, two in pairwise(sets))
        assert len(sets[0]) < len(sets[-1])
    half = chosen(config, prepared_root, 0.5, 0)
    assert half == chosen(config, prepared_root, 0.5, 0) != chosen(config, prepared_root, 0.5, 1)


@pytest.mark.parametrize("task", trained("paper"))
def test_the_whole_is_no_subset(task: str, prepared_root: Path) -> None:
    config = composed(task)
    root = prepared_root / config.task.dataset
    assert label_subset(config, root, 1.0, 0) is None
    assert label_subset(config, root, 0.9999, 0) is None


@pytest.mark.parametrize("task", ["brats2018", "mmwhs_ct", "mmwhs_mri", "prostate"])
def test_patients_are_taken_whole(task: str, prepared_root: Path) -> None:
    config = composed(task)
    everything = Counter(Path(name).parent for name in chosen(config, prepared_root, 1))
    for fraction in FRACTIONS:
        taken = Counter(Path(name).parent for name in chosen(config, prepared_root, fraction))
        assert taken == {patient: everything[patient] for patient in taken}
        assert len(taken) == max(1, round(fraction * len(everything)))


def test_the_share_is_the_same_for_each_label(tmp_path: Path) -> None:
    config = composed("brain_tumor_linear")
    split = tmp_path / "splits" / "train.txt"
    split.parent.mkdir()
    split.write_text("".join(f"image ({i}).png {i % 2 + (i % 10 == 0) * 2}\n" for i in range(100)))
    lines = split.read_text().splitlines()
    taken = Counter(lines[i][-1] for i in label_subset(config, tmp_path, 0.2, 0) or ())
    assert taken == {"0": 8, "1": 10, "2": 2}
    least = [lines[i][-1] for i in label_subset(config, tmp_path, 0.001, 0) or ()]
    assert sorted(least) == ["0", "1", "2"]


def test_patients_of_the_same_labels_are_one_stratum(tmp_path: Path) -> None:
    config = composed("brain_tumor_linear")
    config.task.patient = "folder"
    (tmp_path / "splits").mkdir()
    lines = [f"p{patient}/{image}.png {patient % 2}" for patient in range(8) for image in range(3)]
    lines[0] = "p0/0.png 1"  # this patient's images have both
    (tmp_path / "splits" / "train.txt").write_text("\n".join(lines) + "\n")
    taken = Counter(lines[i].split("/")[0] for i in label_subset(config, tmp_path, 0.25, 0) or ())
    assert set(taken.values()) == {3}
    assert sorted(int(name[1]) % 2 + (name == "p0") * 2 for name in taken) == [0, 1, 2]


def test_a_list_that_does_not_tell_the_patient_is_refused(tmp_path: Path) -> None:
    config = composed("prostate")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("BMC/Case00/000\nCase01\n")
    with pytest.raises(Refused, match=r"train\.txt: 'Case01' lies in no folder.*Prepare"):
        label_subset(config, tmp_path, 0.5, 0)
    config.task.patient = "name"
    with pytest.raises(ValueError, match=r"prostate: task\.patient='name': say 'folder'"):
        label_subset(config, tmp_path, 0.5, 0)


def test_what_is_no_coco_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.json").write_text('{"images": [')
    with pytest.raises(Refused, match=r"train\.json: .*Prepare the data set again"):
        label_subset(composed("vindr"), tmp_path, 0.5, 0)


@pytest.mark.parametrize("task", ["brain_tumor_linear", "prostate", "kvasir_detection", "vindr"])
def test_the_images_that_are_chosen_are_those_that_are_trained_on(
    task: str, prepared_root: Path, tmp_path: Path
) -> None:
    spec = RunSpec(task, "random_vit_tiny", "paper", 0, label_fraction=0.4)
    config = placed(spec, prepared_root, tmp_path)
    expected = chosen(configured(spec), prepared_root, 0.4)
    init_default_scope(config.default_scope)
    dataset = DATASETS.build(inner_dataset(config.train_dataloader.dataset))
    found = [dataset.get_data_info(i)["img_path"] for i in range(len(dataset))]
    assert [Path(path).stem for path in found] == [Path(name).stem for name in expected]
    wrapped = DATASETS.build(config.train_dataloader.dataset)
    seen = {wrapped.get_data_info(i)["img_path"] for i in range(len(wrapped))}
    assert seen == set(found)


@pytest.mark.parametrize("task", ["brain_tumor_linear", "prostate", "brats2018", "vindr"])
def test_a_record_counts_each_image_once_and_patients(
    task: str, prepared_root: Path, tmp_path: Path
) -> None:
    spec = RunSpec(task, "random_vit_tiny", "paper", 0, label_fraction=0.4)
    config = placed(spec, prepared_root, tmp_path)
    init_default_scope(config.default_scope)
    loaders = {
        name: SimpleNamespace(dataset=DATASETS.build(config[name].dataset))
        for name in ("train_dataloader", "test_dataloader")
    }
    found = counts(SimpleNamespace(cfg=config, **loaders))
    names = chosen(configured(spec), prepared_root, 0.4)
    assert found["train"] == len(names)
    assert found["test"] == len(loaders["test_dataloader"].dataset)
    patients = {Path(name).parent for name in names}
    assert found.get("train_patients") == (len(patients) if "patient" in config.task else None)


def test_images_without_boxes_are_neither_counted_nor_trained_on(tmp_path: Path) -> None:
    """mmdetection leaves out images without a box before it counts."""
    config = composed("vindr")
    truth = dict(
        images=[dict(id=i, file_name=f"{i}.png", width=9, height=9) for i in range(20)],
        annotations=[
            dict(id=i, image_id=i, category_id=1, bbox=[1, 1, 5, 5], area=25, iscrowd=0)
            for i in range(0, 20, 2)
        ],
        categories=[dict(id=1, name="Nodule/Mass")],
    )
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.json").write_text(json.dumps(truth))
    places = label_subset(config, tmp_path, 0.5, 0)
    assert places and len(places) == 5
    train = inner_dataset(config.train_dataloader.dataset)
    train.update(data_root=str(tmp_path), indices=places)
    init_default_scope("mmdet")
    dataset = DATASETS.build(config.train_dataloader.dataset)
    seen = {dataset.get_data_info(i)["img_id"] for i in range(len(dataset))}
    assert seen == {2 * place for place in places}
