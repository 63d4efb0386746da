"""The preparers: phantoms and real downloads by the same code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from lvmmed_backbones.images.windows import eight_bits
from lvmmed_backbones.layout import check
from reports.published.layout import UNPUBLISHED_SPLITS
from tasks import datasets, phantoms, registry, splits
from tasks.datasets.cards.kvasir import scaled
from tasks.download.masks import label_map
from tasks.splits import carve, published_split

REAL = ["brain_tumor", "buid", "drive", "isic2018", "kvasir"]


def meta_of(folder: Path) -> dict:
    return json.loads((folder / "meta.json").read_text())


def lines(folder: Path, split: str) -> list[str]:
    return (folder / "splits" / f"{split}.txt").read_text().splitlines()


def test_there_are_twelve_beside_those_that_come_with_the_suite() -> None:
    shipped = [name for name in datasets.names() if datasets.get(name).shipped]
    assert shipped == ["bccd", "bccd_cells", "hippocampus", "pneumonia"]
    assert len(datasets.names()) == 12 + len(shipped)


@pytest.mark.parametrize("name", phantoms.names())
def test_a_prepared_phantom_is_sound(name: str, prepared_root: Path) -> None:
    folder = prepared_root / name
    assert check(folder) == []
    meta = meta_of(folder)
    assert meta["phantom"]
    assert meta["classes"] == list(datasets.get(name).classes)
    assert all(
        meta[key] for key in ("title", "licence", "citation", "page", "modality", "fingerprint")
    )
    assert min(meta["counts"].values()) > 0


@pytest.mark.parametrize(
    "name", [n for n in datasets.names() if datasets.get(n).kind in ("segmentation", "volumes")]
)
def test_every_class_is_in_the_training_masks_and_the_test_masks(
    name: str, prepared_root: Path
) -> None:
    folder = prepared_root / name
    for split in ("train", "test"):
        seen = {
            int(v)
            for line in lines(folder, split)
            for v in np.unique(np.asarray(Image.open(folder / "masks" / f"{line}.png")))
        }
        assert seen == set(range(len(datasets.get(name).classes)))


@pytest.mark.parametrize("name", ["kvasir", "vindr"])
def test_boxes_lie_in_their_images(name: str, prepared_root: Path) -> None:
    folder = prepared_root / name
    classes = set()
    for split in ("train", "valid", "test"):
        coco = COCO(folder / "splits" / f"{split}.json")
        assert [i["file_name"].rpartition(".")[0] for i in coco.dataset["images"]] == lines(
            folder, split
        )
        for box in coco.dataset["annotations"]:
            image = coco.imgs[box["image_id"]]
            x, y, w, h = box["bbox"]
            assert Image.open(folder / "images" / image["file_name"]).size == (
                image["width"],
                image["height"],
            )
            assert (
                x >= 0
                and y >= 0
                and w > 0
                and h > 0
                and x + w <= image["width"] + 1
                and y + h <= image["height"] + 1
            )
            classes.add(box["category_id"])
    assert len(classes) == (1 if name == "kvasir" else 14)


def test_boxes_of_kvasir_fit_its_masks(prepared_root: Path) -> None:
    """The boxes are in pixels of larger images: scaled down they enclose the mask."""
    folder = prepared_root / "kvasir"
    coco = COCO(folder / "splits" / "train.json")
    for image in coco.dataset["images"]:
        mask = (
            np.asarray(Image.open(folder / "masks" / image["file_name"].replace(".jpg", ".png")))
            > 0
        )
        boxes = [b["bbox"] for b in coco.imgToAnns[image["id"]]]
        low, high = min(b[0] for b in boxes), max(b[0] + b[2] for b in boxes)
        columns = np.flatnonzero(mask.any(0))
        assert abs(low - columns[0]) <= 2
        assert abs(high - columns[-1] - 1) <= 2


def test_box_scaling_by_hand() -> None:
    entry = dict(width=200, height=100, bbox=[dict(xmin=20, ymin=10, xmax=120, ymax=60)])
    assert scaled(entry, width=100, height=100) == [(0, 10, 10, 50, 50)]


def test_sites_of_the_prostate_task(prepared_root: Path) -> None:
    folder = prepared_root / "prostate"
    assert {line.split("/")[0] for line in lines(folder, "train")} == {"BMC"}
    everything = lines(folder, "test_all")
    assert {line.split("/")[0] for line in everything} == {"BMC", "RUNMC", "BIDMC", "HK"}
    assert not set(everything) & set(lines(folder, "train") + lines(folder, "valid"))
    assert set(lines(folder, "test")) < set(everything)


@pytest.mark.parametrize("name", ["brats2018", "mmwhs_ct", "mmwhs_mri", "prostate"])
def test_no_patient_is_on_both_sides(name: str, prepared_root: Path) -> None:
    cases = {
        split: {line.rpartition("/")[0] for line in lines(prepared_root / name, split)}
        for split in ("train", "valid", "test")
    }
    assert (
        not cases["train"] & cases["test"]
        and not cases["train"] & cases["valid"]
        and not cases["valid"] & cases["test"]
    )


def test_published_splits_are_kept(prepared_root: Path) -> None:
    for name in ("kvasir", "buid"):
        for split, names in published_split(name).items():
            there = lines(prepared_root / name, split)
            assert set(there) <= {n.rpartition(".")[0] for n in names}


def test_the_tasks_without_a_published_split_are_those_that_reports_name() -> None:
    of_paper = {
        (registry.get(name).task.dataset, registry.get(name).task.kind)
        for name in registry.paper_names()
    }
    by_rule = {("brain_tumor", "classification"), ("vindr", "detection")}
    listed = {
        (name, datasets.get(name).kind)
        for name in datasets.names()
        if (Path(splits.__file__).parent / f"{name}.json").is_file()
    }
    assert of_paper - listed - by_rule == UNPUBLISHED_SPLITS


def test_volumes_are_cut_along_their_last_axis(prepared_root: Path, phantom_root: Path) -> None:
    import nibabel

    case = lines(prepared_root / "mmwhs_ct", "test")[0].split("/")[0]
    labels = np.asarray(
        nibabel.load(phantom_root / "mmwhs" / "ct_train" / f"{case}_label.nii.gz").dataobj
    )
    for z in (0, 5):
        mask = np.asarray(Image.open(prepared_root / "mmwhs_ct" / "masks" / case / f"{z:03}.png"))
        assert np.array_equal(mask == 2, labels[:, :, z] == 420)  # left atrium
        assert np.array_equal(mask == 3, labels[:, :, z] == 500)  # left ventricle


def test_label_maps_and_intensities() -> None:
    volume = np.array([[[0.0, 4.0, 2.0]]])
    assert label_map(volume, {1: 1, 2: 2, 4: 3}, Path("x")).tolist() == [[[0, 3, 2]]]
    ramp = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    outlier = ramp.copy()
    outlier[0, 0, 0] = 1e6
    assert eight_bits(ramp).min() == 0 and eight_bits(ramp).max() == 255
    assert abs(int(eight_bits(outlier)[5, 5, 5]) - int(eight_bits(ramp)[5, 5, 5])) <= 2


def test_carving_is_seeded_disjoint_and_in_proportion() -> None:
    names = [f"n{i}" for i in range(200)]
    labels = [i % 4 for i in range(200)]
    first = carve(names, dict(train=0.7, valid=0.1, test=0.2), labels)
    assert first == carve(names[::-1], dict(train=0.7, valid=0.1, test=0.2), labels[::-1])
    assert sorted(n for part in first.values() for n in part) == sorted(names)
    for split, count in dict(train=35, valid=5, test=10).items():
        for label in range(4):
            assert sum(labels[int(n[1:])] == label for n in first[split]) == count


def test_a_prepared_data_set_is_reused_until_its_source_changes(
    phantom_root: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(phantom_root / "drive", tmp_path / "in" / "drive")
    folder = datasets.prepare("drive", tmp_path / "in", tmp_path / "out")
    stamp = (folder / "meta.json").stat().st_mtime_ns
    fingerprint = meta_of(folder)["fingerprint"]
    assert (
        datasets.prepare("drive", tmp_path / "in", tmp_path / "out") / "meta.json"
    ).stat().st_mtime_ns == stamp
    image = next((tmp_path / "in" / "drive" / "test" / "images").iterdir())
    Image.new("RGB", Image.open(image).size).save(image)
    datasets.prepare("drive", tmp_path / "in", tmp_path / "out")
    assert meta_of(folder)["fingerprint"] != fingerprint


@pytest.mark.parametrize("name", REAL)
def test_real_downloads(name: str, real_data: Path, tmp_path: Path) -> None:
    folder = datasets.prepare(name, real_data, tmp_path)
    meta = meta_of(folder)
    expected = {
        "brain_tumor": dict(train=2297, valid=573, test=394, release_train=2009, release_valid=861),
        "buid": dict(train=66, valid=16, test=17),
        "drive": dict(train=16, valid=4, test=20),
        "isic2018": dict(train=1816, valid=259, test=519),
        "kvasir": dict(train=638, valid=160, test=200),
    }
    assert meta["counts"] == expected[name]
    assert not meta["phantom"]
    assert meta["complete"] == (name not in ("buid", "kvasir"))
    if name == "kvasir":
        assert meta["missing"] == ["cju1gkndf6yi10801o1qnje19.jpg", "cju2hqt33lmra0988fr5ijv8j.jpg"]
    if name == "buid":
        assert meta["left_out"] == ["benign (4)_mask_1.png"]
    if name != "isic2018":  # the largest; its files are read in the preparer already
        assert check(folder) == []


def tasks(*words: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tasks", *map(str, words)], capture_output=True, text=True
    )


def test_the_command(tmp_path: Path) -> None:
    assert "kvasir-seg" in tasks("list").stdout
    assert tasks("phantoms", "drive", "--out", tmp_path / "in").returncode == 0
    done = tasks("prepare", "--data", tmp_path / "in", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "out" / "drive"))
    assert tasks("check", tmp_path / "out" / "drive").stdout.strip() == "sound"
    mask = next((tmp_path / "out" / "drive" / "masks").iterdir())
    Image.fromarray(np.full((80, 80), 7, np.uint8)).save(mask)
    broken = tasks("check", tmp_path / "out" / "drive")
    assert broken.returncode == 1
    assert "has the class 7, but there are 2" in broken.stdout
    for words in ([], ["list"], ["prepare"], ["phantoms"], ["check"]):
        assert tasks(*words, "--help").returncode == 0
    nothing = tasks("prepare", "--data", tmp_path / "out" / "drive", "--out", tmp_path / "x")
    assert nothing.returncode == 2
    assert "holds no data set" in nothing.stderr


def test_the_command_does_not_wait_for_torch() -> None:
    code = (
        "import tasks.__main__, sys; sys.exit('torch' in sys.modules or 'mmengine' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
