"""The valid images of the released classification: which they are, in torchvision's order of the release's folders."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from lvmmed_backbones.layout import check
from lvmmed_backbones.layout.writer import Writer
from tasks import datasets, phantoms
from tasks.datasets.cards import brain_tumor, fgadr
from tasks.splits import published_split


class Names(Writer):
    """Notes the names of images; it opens no file."""

    def image(self, name: str, source: Path | np.ndarray) -> np.ndarray:
        assert isinstance(source, Path)
        self.files[name] = name + source.suffix
        return np.zeros(0, np.uint8)


def splits(prepare: Callable, source: Path, scratch: Path) -> dict[str, list[str]]:
    """The lines of each split that a preparer writes."""
    writer = Names(scratch)
    prepare(source, writer)
    return {p.stem: p.read_text().splitlines() for p in (scratch / "splits").glob("*.txt")}


def drawn(count: int, valid: int) -> tuple[list[int], list[int]]:
    """Training and valid indices as scikit-learn's ShuffleSplit draws them: the valid ones first."""
    order = np.random.RandomState(42).permutation(count).tolist()
    return order[valid:], order[:valid]


def in_order(training: Path) -> list[tuple[str, int]]:
    """Class folder and name of each image, and its class, as the release's loader numbers them."""
    samples = ImageFolder(str(training)).samples
    return [("-".join(Path(path).parts[-3:]), label) for path, label in samples]


def brain(training: Path, lines: dict[str, list[str]], valid: int) -> list[int]:
    """Check the splits of brain_tumor against the folder; return the indices of the valid images."""
    order = in_order(training)
    for split, places in zip(
        ("release_train", "release_valid"), drawn(len(order), valid), strict=True
    ):
        assert lines[split] == [f"{order[place][0]} {order[place][1]}" for place in places]
    numbers = {f"{name} {label}": number for number, (name, label) in enumerate(order)}
    return [numbers[line] for line in lines["release_valid"]]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads")
    for name in ("brain_tumor", "fgadr"):
        phantoms.generate(name, folder)
    return folder


def test_the_valid_images_of_brain_tumor_are_the_release_s(real_data: Path, tmp_path: Path) -> None:
    """protocols: 861 images, the first 443, 2394, 761, 651, 2674; 259, 252, 114, 236 of the classes."""
    source = real_data / "brain_tumor"
    if not source.is_dir():
        pytest.skip(f"no {source}")
    lines = splits(brain_tumor.prepare, source, tmp_path)
    numbers = brain(source / "Training", lines, 861)
    assert numbers[:5] == [443, 2394, 761, 651, 2674] and len(lines["release_train"]) == 2009
    labels = [int(line[-1]) for line in lines["release_valid"]]
    assert np.bincount(labels).tolist() == [259, 252, 114, 236]
    assert (len(lines["train"]), len(lines["valid"])) == (2297, 573), "the suite's are as before"


def test_a_download_of_brain_tumor_is_numbered_as_its_folders(
    downloads: Path, tmp_path: Path
) -> None:
    """image(10).jpg stands before image(2).jpg."""
    source = downloads / "brain_tumor"
    lines = splits(brain_tumor.prepare, source, tmp_path)
    brain(source / "Training", lines, 20)  # 30 % of 64, rounded up


@pytest.fixture(scope="module")
def of_fgadr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A download of FGADR that has all the names and no pixels, and the release's folders of grades beside it."""
    folder = tmp_path_factory.mktemp("fgadr")
    images = folder / "Seg-set" / "Original_Images"
    images.mkdir(parents=True)
    rows = [row for split in ("train", "test") for row in published_split("fgadr")[split]]
    for name, grade in rows:
        (images / name).touch()
        (folder / "Training" / str(grade)).mkdir(parents=True, exist_ok=True)
    for name, grade in published_split("fgadr")["train"]:
        (folder / "Training" / str(grade) / name).touch()
    with (folder / "Seg-set" / "DR_Seg_Grading_Label.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_a_fifth_of_fgadr_s_training_images_is_drawn(of_fgadr: Path, tmp_path: Path) -> None:
    """protocols: 1200 and 300, the first 1116, 1368, 422, 413, 451."""
    lines = splits(fgadr.prepare, of_fgadr, tmp_path)
    samples = ImageFolder(str(of_fgadr / "Training")).samples
    order = [f"{Path(path).name} {label}" for path, label in samples]
    train, valid = drawn(1500, 300)
    assert valid[:5] == [1116, 1368, 422, 413, 451]
    assert lines["release_train"] == [order[place] for place in train]
    assert lines["release_valid"] == [order[place] for place in valid]
    assert (
        len(lines["train"]) == 1500
        and len(lines["clean_train"]) + len(lines["clean_valid"]) == 1500
    )


def test_an_incomplete_download_of_fgadr_keeps_the_draw(
    of_fgadr: Path, downloads: Path, tmp_path: Path
) -> None:
    whole = splits(fgadr.prepare, of_fgadr, tmp_path / "whole")
    part = splits(fgadr.prepare, downloads / "fgadr", tmp_path / "part")
    assert 0 < len(part["release_valid"]) < 300
    for split in ("release_train", "release_valid"):
        assert part[split] == [line for line in whole[split] if line in part["train"]]


@pytest.mark.parametrize("name", ["brain_tumor", "fgadr"])
def test_a_released_valid_image_is_not_trained_on(
    name: str, downloads: Path, tmp_path: Path
) -> None:
    folder = datasets.prepare(name, downloads, tmp_path)
    assert check(folder) == []
    valid, train = (folder / "splits" / f"release_{part}.txt" for part in ("valid", "train"))
    train.write_text(train.read_text() + valid.read_text().splitlines()[0] + "\n")
    assert any("splits release_train and release_valid share" in line for line in check(folder))
