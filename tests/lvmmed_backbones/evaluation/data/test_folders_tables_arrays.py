"""Labelled images as people have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lvmmed_backbones.evaluation.data import LabelledImages, fewer_labels, read_data
from lvmmed_backbones.files.outside import Refused


def draw(path: Path, value: int) -> None:
    """An image that differs from those of other values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(value).integers(0, 256, (12, 10), dtype=np.uint8)
    cv2.imwrite(str(path), image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for value in range(40):
        draw(tmp_path / "set" / ("a" if value % 2 else "b") / f"{value:02}.png", value)
    return tmp_path / "set"


def test_a_folder_of_classes(folder: Path) -> None:
    data = read_data(folder)
    assert data.classes == ["a", "b"] and len(data) == 40
    assert [len(data.of(part)) for part in ("train", "valid", "test")] == [26, 6, 8]
    assert data.names[0] == "a/01.png"
    assert data.pixels(0).shape == (12, 10, 3)
    for part in ("valid", "test"):  # of each class alike
        assert np.bincount(data.labels[data.of(part)]).tolist() in ([3, 3], [4, 4])


def test_seeds_draw_the_valid_images_and_not_the_test_images(folder: Path) -> None:
    one, other = read_data(folder, seed=0), read_data(folder, seed=1)
    assert one.of("test").tolist() == other.of("test").tolist()
    assert one.of("valid").tolist() != other.of("valid").tolist()


def test_folders_of_parts_in_others_spellings(tmp_path: Path) -> None:
    for number, part in enumerate(("Training", "VAL", "Testing")):
        for value in range(4):
            draw(tmp_path / part / "ab"[value % 2] / f"{value}.png", 10 * number + value)
    (tmp_path / "notes").mkdir()
    data = read_data(tmp_path)
    assert [len(data.of(part)) for part in ("train", "valid", "test")] == [4, 4, 4]


def test_a_table_with_parts_and_patients(folder: Path) -> None:
    table = folder / "labels.csv"
    rows = [
        f"{'a' if value % 2 else 'b'}/{value:02}.png,{'ab'[value % 2]},,p{value // 4}"
        for value in range(40)
    ]
    table.write_text("path,label,split,patient\n" + "\n".join(rows))
    data = read_data(table)
    assert data.patients is not None
    parts: dict[str, set[str]] = {}
    for patient, part in zip(data.patients, data.parts, strict=True):
        parts.setdefault(patient, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,label\n", "has no rows with path and label"),
        ("file,label\na,b\n", "has no rows with path and label"),
        ("path,label,split\nx.png,a,holdout\n", "row 2 has split 'holdout'"),
        ("path,label\nx.png,\n", "row 2 lacks its path or label"),
        ("path,label,patient\nx.png,a,\n", "has rows without a patient"),
    ],
)
def test_tables_that_lack_something_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(Refused, match=words):
        read_data(tmp_path / "t.csv")


def test_arrays_and_archives_with_medmnists_names(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 8), ("val", 4), ("test", 4)):
        arrays[f"{part}_images"] = random.integers(0, 256, (count, 5, 5), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 2)[:, None] + 3
    np.savez(tmp_path / "set.npz", **arrays)
    for data in (read_data(arrays), read_data(tmp_path / "set.npz")):
        assert data.classes == ["3", "4"] and len(data) == 16
        assert [len(data.of(part)) for part in ("train", "valid", "test")] == [8, 4, 4]
        assert data.pixels(0).shape == (5, 5, 3)


def test_an_archive_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", train_images=np.array([{}], dtype=object))
    with pytest.raises(Refused):
        read_data(tmp_path / "set.npz")


Change = Callable[[LabelledImages], dict]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0] * 6, "has one class"),
        ([0, 0, 0, 0, 1, 0], "class '1' has no training images"),
    ],
)
def test_what_cannot_be_learnt_from_is_named(labels: list[int], words: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    arrays = {
        "train_images": pixels[:2],
        "train_labels": labels[:2],
        "val_images": pixels[2:4],
        "val_labels": labels[2:4],
        "test_images": pixels[4:],
        "test_labels": labels[4:],
    }
    with pytest.raises(ValueError, match=words):
        read_data(arrays)


def test_a_patient_in_two_parts_is_named(folder: Path) -> None:
    table = folder / "t.csv"
    names = ["a/01.png", "b/00.png", "a/03.png", "b/02.png", "a/05.png", "b/04.png"]
    splits = ["train", "train", "val", "val", "test", "test"]
    patients = ["p1", "p2", "p3", "p4", "p1", "p5"]
    rows = zip(names, "ababab", splits, patients, strict=True)
    table.write_text("path,label,split,patient\n" + "\n".join(map(",".join, rows)))
    with pytest.raises(ValueError, match="patient p1 is in train and in test"):
        read_data(table)


def test_smaller_shares_of_labels_are_parts_of_larger_ones(folder: Path) -> None:
    data = read_data(folder)
    shares = [set(fewer_labels(data, fraction, 3).tolist()) for fraction in (0.1, 0.5, 1.0)]
    assert shares[0] < shares[1] < shares[2] == set(data.of("train").tolist())
    assert set(data.labels[list(shares[0])]) == {0, 1}


def test_a_folder_without_images_and_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no images"):
        read_data(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder or file"):
        read_data(tmp_path / "none")
