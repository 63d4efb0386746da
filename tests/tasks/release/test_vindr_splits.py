"""The release's images and boxes of VinDr beside the suite's: the table's order, parts by truncation, boxes fused."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lvmmed_backbones.layout.check import check, read_meta
from tasks import datasets
from tasks.datasets.cards.vindr import COLUMNS, released_split
from tasks.release.fusion import fuse_readers
from tasks.splits import carve

PARTS = ("release_train", "release_valid", "release_test")


def write_download(folder: Path, rng: random.Random, images: int) -> list[list]:
    """Write a download of images of 64 px, of originals of 640 x 320, whose rows are shuffled; return its rows."""
    (folder / "train").mkdir(parents=True)
    rows: list[list] = []
    for number in range(images):
        name = f"{rng.randrange(16**8):08x}{number}"
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "train" / f"{name}.png")
        healthy = number % 7 == 3
        if healthy or number % 3 == 0:
            rows.append([name, 14, "R4", "", "", "", "", 640, 320])
        for reader in () if healthy else ("R1", "R2", "R3"):
            left, top = rng.randrange(500), rng.randrange(250)
            right, bottom = left + rng.randint(1, 140), top + rng.randint(1, 70)
            rows.append([name, rng.randrange(3), reader, left, top, right, bottom, 640, 320])
    rng.shuffle(rows)
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*COLUMNS[:2], "rad_id", *COLUMNS[2:]], *rows])
    return rows


def names_of(folder: Path, split: str) -> list[str]:
    return (folder / "splits" / f"{split}.txt").read_text().split()


@pytest.mark.parametrize("seed", range(3))
def test_images_stand_in_the_order_of_the_table_and_are_cut_in_three(
    seed: int, tmp_path: Path
) -> None:
    rows = write_download(tmp_path / "in" / "vindr", random.Random(seed), 30)
    folder = datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")
    assert check(folder) == []
    found = list(dict.fromkeys(row[0] for row in rows if row[1] != 14))
    first, second = int(len(found) * 0.7), int(len(found) * (0.7 + 0.1))
    assert [names_of(folder, part) for part in PARTS] == [
        found[:first],
        found[first:second],
        found[second:],
    ]
    for part in PARTS:
        content = json.loads((folder / "splits" / f"{part}.json").read_text())
        assert [image["file_name"] for image in content["images"]] == [
            f"{name}.png" for name in names_of(folder, part)
        ]
        for image in content["images"]:
            boxes = [
                (box["category_id"] - 1, *box["bbox"])
                for box in content["annotations"]
                if box["image_id"] == image["id"]
            ]
            of_table = [
                (row[1], row[3] / 10, row[4] / 5, row[5] / 10, row[6] / 5)
                for row in rows
                if row[1] != 14 and f"{row[0]}.png" == image["file_name"]
            ]
            assert boxes == fuse_readers(of_table, 64, 64)


def test_the_suites_splits_and_boxes_are_what_they_were(tmp_path: Path) -> None:
    rows = write_download(tmp_path / "in" / "vindr", random.Random(5), 30)
    folder = datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")
    names = {row[0] for row in rows if row[1] != 14}
    parts = carve([f"{name}.png" for name in names], dict(train=0.7, valid=0.1, test=0.2))
    count = 0
    for part, files in parts.items():
        assert [f"{name}.png" for name in names_of(folder, part)] == files
        boxes = json.loads((folder / "splits" / f"{part}.json").read_text())["annotations"]
        count += len(boxes)
    assert count == sum(row[1] != 14 for row in rows)
    meta = read_meta(folder)
    assert meta["disjoint"] == [["train", "valid", "test"], list(PARTS)]
    assert meta["counts"]["train"] + meta["counts"]["valid"] + meta["counts"]["test"] == len(names)


@settings(deadline=None)
@given(st.integers(0, 20000))
def test_parts_are_truncated_as_released(count: int) -> None:
    """int(0.7 n) and int((0.7 + 0.1) n), the latter a little less than 0.8 n in floating point."""
    names = [str(n) for n in range(count)]
    parts = released_split(names)
    bounds = int(0.7 * count), int(0.7999999999999999 * count)
    wanted = names[: bounds[0]], names[bounds[0] : bounds[1]], names[bounds[1] :]
    assert parts == (dict(zip(PARTS, wanted, strict=True)) if all(wanted) else {})


def test_the_known_number_of_images_gives_the_known_parts() -> None:
    sizes = [len(part) for part in released_split([str(n) for n in range(4394)]).values()]
    assert sizes == [3075, 440, 879]
    assert [len(p) for p in released_split([str(n) for n in range(20)]).values()] == [14, 1, 5]
    assert released_split([str(n) for n in range(10)]) == {}, "no valid images: int(7.99) is 7"


def test_the_phantom_has_two_readers(prepared_root: Path) -> None:
    """So that a run on it learns from fused boxes."""
    folder = prepared_root / "vindr" / "splits"

    def boxes(parts: tuple[str, ...]) -> int:
        return sum(
            len(json.loads((folder / f"{p}.json").read_text())["annotations"]) for p in parts
        )

    assert boxes(("train", "valid", "test")) == 112 + 28
    assert boxes(PARTS) == 112
