"""The data sets that come with the suite, and the open tasks on them."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout import check
from tasks import datasets, registry
from tasks.__main__ import main
from tasks.datasets.cards.bccd import TWICE
from tasks.download.voc import read_voc

SHIPPED = [name for name in datasets.names() if datasets.get(name).shipped]
COUNTS = {
    "bccd": dict(train=255, valid=53, test=56),
    "bccd_cells": dict(train=1005, valid=208, test=218),
    "pneumonia": dict(train=2431, valid=267, test=468),
    "hippocampus": dict(train=1080, valid=376, test=733),
}


def meta_of(folder: Path) -> dict:
    return json.loads((folder / "meta.json").read_text())


def lines(folder: Path, split: str) -> list[str]:
    return (folder / "splits" / f"{split}.txt").read_text().splitlines()


def test_the_tasks_of_the_paper_and_the_open_ones_are_told_apart() -> None:
    paper, free = set(registry.paper_names()), set(registry.open_names())
    assert len(paper) == 15 and not paper & free and paper | free <= set(registry.names())
    for name in free:
        task = registry.get(name).task
        assert task.name == name and datasets.get(task.dataset).shipped
    assert not any(datasets.get(registry.get(name).task.dataset).shipped for name in paper)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All data sets that come with the suite, prepared by the command."""
    out = tmp_path_factory.mktemp("shipped")
    assert main(["prepare", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_prepared_without_a_download(name: str, whole: Path) -> None:
    assert check(whole / name) == []
    meta = meta_of(whole / name)
    assert meta["complete"] and not meta["phantom"] and not meta["missing"]
    assert meta["counts"] == COUNTS[name]
    assert meta["found"] == datasets.get(name).images


def test_smears_photographed_twice_are_for_training(whole: Path) -> None:
    train = set(lines(whole / "bccd", "train"))
    assert TWICE & {*lines(whole / "bccd", "valid"), *lines(whole / "bccd", "test")} == set()
    assert len(TWICE & train) == 105
    # By eye: one white cell on two pictures each.
    for first, second in ((37, 38), (165, 193), (205, 276), (225, 262), (237, 252), (377, 400)):
        assert {f"BloodImage_{first:05}", f"BloodImage_{second:05}"} <= train


def test_the_boxes_of_the_smears_are_those_of_the_download(whole: Path) -> None:
    found: Counter[str] = Counter()
    for split in ("train", "valid", "test"):
        coco = COCO(whole / "bccd" / "splits" / f"{split}.json")
        names = {category["id"]: category["name"] for category in coco.dataset["categories"]}
        found.update(names[box["category_id"]] for box in coco.dataset["annotations"])
    text = "".join(f.read_text() for f in (datasets.SHIPPED / "bccd" / "Annotations").iterdir())
    written = {name: text.count(f"<name>{name}</name>") for name in ("RBC", "WBC", "Platelets")}
    assert found == {**written, "RBC": written["RBC"] - 2}  # two are single pixels


def test_cells_of_a_smear_are_in_one_part(whole: Path) -> None:
    parts = {
        split: {
            line.split(" ")[0].rpartition("/")[0] for line in lines(whole / "bccd_cells", split)
        }
        for split in COUNTS["bccd_cells"]
    }
    for split, smears in parts.items():
        assert smears <= set(lines(whole / "bccd", split))
    cells = [line.rsplit(" ", 1) for split in parts for line in lines(whole / "bccd_cells", split)]
    assert Counter(label for _, label in cells) == {"0": 698, "1": 372, "2": 361}
    red = Counter(name.rpartition("/")[0] for name, label in cells if label == "0")
    assert max(red.values()) == 2


def test_a_cell_is_what_its_box_holds(whole: Path) -> None:
    smear = np.asarray(Image.open(datasets.SHIPPED / "bccd/JPEGImages/BloodImage_00000.jpg"))
    cell = np.asarray(Image.open(whole / "bccd_cells/images/BloodImage_00000/00.png"))
    grey = smear[177:376, 260:491] @ [0.299, 0.587, 0.114]  # of ITU-R BT.601
    assert cell.shape == grey.shape and np.abs(cell - grey).max() <= 1


def test_no_x_ray_is_in_two_parts(whole: Path) -> None:
    pixels = {
        split: {
            (whole / "pneumonia" / "images" / line.rpartition(" ")[0]).read_bytes()
            for line in lines(whole / "pneumonia", split)
        }
        for split in ("train", "valid", "test")
    }
    assert not pixels["train"] & pixels["valid"]
    assert not pixels["test"] & (pixels["train"] | pixels["valid"])
    labels = Counter(line.rpartition(" ")[2] for line in lines(whole / "pneumonia", "test"))
    assert labels == {"0": 234, "1": 234}


def test_volumes_are_on_one_side(whole: Path) -> None:
    cases = {
        split: {line.rpartition("/")[0] for line in lines(whole / "hippocampus", split)}
        for split in ("train", "valid", "test")
    }
    assert {split: len(names) for split, names in cases.items()} == dict(
        train=30, valid=10, test=20
    )
    assert len(set.union(*cases.values())) == 60


def test_a_fresh_clone_has_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for clone, time in (("a", 1e9), ("b", 1.5e9)):
        shipped = tmp_path / clone / "shipped"
        shutil.copytree(datasets.SHIPPED / "hippocampus", shipped / "hippocampus")
        for file in shipped.rglob("*"):
            os.utime(file, (time, time))
        monkeypatch.setattr(datasets, "SHIPPED", shipped)
        made.append(meta_of(datasets.prepare("hippocampus", None, tmp_path / clone)))
        monkeypatch.undo()
    assert made[0] == made[1]


def test_a_download_goes_before_what_ships(tmp_path: Path) -> None:
    shutil.copytree(datasets.SHIPPED / "bccd", tmp_path / "bccd")
    for image in sorted((tmp_path / "bccd" / "JPEGImages").iterdir())[20:]:
        image.unlink()
    assert datasets.source_of("bccd", tmp_path) == tmp_path / "bccd"
    assert datasets.source_of("pneumonia", tmp_path) == datasets.SHIPPED / "pneumonia"
    assert datasets.source_of("drive", tmp_path) is None
    assert set(datasets.available(tmp_path)) == set(datasets.available()) == set(SHIPPED)
    meta = meta_of(datasets.prepare("bccd", tmp_path, tmp_path / "out"))
    assert not meta["complete"] and len(meta["missing"]) == 344


BOX = "<object><name>RBC</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"
PAGE = "<annotation><size><width>{}</width><height>20</height></size>{}</annotation>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PAGE.format(30, BOX.format(1))[:-9], "is no whole XML file"),
        (PAGE.format(31, ""), "is of an image of 31 x 20 pixels, not of 30 x 20"),
        (PAGE.format("", ""), "has the size/width '', not a number"),
        (PAGE.format(30, BOX.format("nan")), "the box of RBC is not of numbers"),
        (PAGE.format(30, BOX.format(12)), "the box of RBC is reversed"),
        (PAGE.format(30, BOX.format(-5)), "the box of RBC leaves its image"),
        (PAGE.format(30, BOX.format(9)), "the box of RBC has no area"),
        (PAGE.format(30, BOX.format(1).replace("RBC", "x")), "has a box of 'x': expected RBC, WBC"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + PAGE.format(30, ""), "declares a document type"),
    ],
)
def test_boxes_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(Refused, match=message) as error:
        read_voc(path, ("RBC", "WBC"), (30, 20))
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_boxes_are_cut_at_the_border(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(PAGE.format(30, BOX.format(-1)))
    assert read_voc(tmp_path / "a.xml", ("WBC", "RBC"), (30, 20)) == [(1, 0, 2, 9, 8)]
    with pytest.raises(FileNotFoundError, match="no boxes there"):
        read_voc(tmp_path / "b.xml", ("RBC",), (30, 20))


def test_other_x_rays_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pneumonia").mkdir()
    path = tmp_path / "pneumonia" / "chest_xrays_28px.npz"
    good = {f"{p}_images": np.zeros((2, 28, 28), np.uint8) for p in ("train", "val", "test")}
    np.savez(path, **good, **{f"{p}_labels": np.zeros((1, 1)) for p in ("train", "val", "test")})
    with pytest.raises(Refused, match=r"train_images uint8 \(2, 28, 28\), 1 labels"):
        datasets.prepare("pneumonia", tmp_path, tmp_path / "out")
    path.write_bytes(b"no archive")
    with pytest.raises(Refused, match=r"chest_xrays_28px.npz: .*Use the file that comes"):
        datasets.prepare("pneumonia", tmp_path, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))
