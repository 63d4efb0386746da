"""Masks and volumes of prepared data sets."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.evaluation.data import DenseImages, fewer_labels, read_data
from lvmmed_backbones.evaluation.duplicates import copied
from lvmmed_backbones.files.outside import Refused
from tasks import datasets, phantoms


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("drive", "mmwhs_mri", "kvasir"):
        phantoms.generate(name, folder / "in")
        datasets.prepare(name, folder / "in", folder)
    return folder


def dense(path: Path) -> DenseImages:
    data = read_data(path)
    assert isinstance(data, DenseImages)
    return data


def test_images_with_masks(root: Path) -> None:
    data = dense(root / "drive")
    assert data.kind == "segmentation" and list(data.classes) == ["background", "vessel"]
    assert data.patients is None and data.cases == data.names
    place = data.of("test")[0]
    stored = np.asarray(Image.open(root / "drive" / "masks" / f"{data.names[place]}.png"))
    assert np.array_equal(data.mask(place), stored) and data.mask(place).dtype == np.uint8
    assert data.pixels(place).shape == (*stored.shape, 3)
    assert len(data.keys) == len(data) and len(data.keys[0]) == 16
    lines = (root / "drive" / "splits" / "test.txt").read_text().splitlines()
    assert [data.names[place] for place in data.of("test")] == lines


def test_slices_of_volumes_are_cases_and_patients(root: Path) -> None:
    data = dense(root / "mmwhs_mri")
    assert data.kind == "volumes" and len(set(data.cases)) < len(data)
    assert data.patients == data.cases == [name.rpartition("/")[0] for name in data.names]
    half = fewer_labels(data, 0.5, 0)
    whole = {data.cases[place] for place in half}
    assert set(half) == {p for p in data.of("train") if data.cases[p] in whole}


def test_a_mask_of_another_class_is_refused_and_255_does_not_count(
    root: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(root / "drive", tmp_path / "drive"))
    data = dense(folder)
    mask = np.asarray(Image.open(data.masks[0])).copy()
    mask[0, :5] = 255
    Image.fromarray(mask).save(data.masks[0])
    assert data.mask(0)[0, :5].tolist() == [255] * 5
    mask[0, 0] = 2
    Image.fromarray(mask).save(data.masks[0])
    with pytest.raises(Refused, match=r"has the class 2, but there are 2. Prepare the data set"):
        data.mask(0)


def test_lists_that_name_nothing_are_refused(root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root / "drive", tmp_path / "drive"))
    with (folder / "splits" / "test.txt").open("a") as file:
        file.write("ghost\n")
    with pytest.raises(Refused, match="has no image ghost, which a split names"):
        read_data(folder)
    for part in ("train", "valid", "test"):
        (folder / "splits" / f"{part}.txt").write_text("")
    with pytest.raises(Refused, match="name no images"):
        read_data(folder)


def test_detection_is_refused_with_the_remedy(tmp_path: Path, root: Path) -> None:
    phantoms.generate("vindr", tmp_path)
    folder = datasets.prepare("vindr", tmp_path, tmp_path)
    with pytest.raises(Refused, match="is for detection, which no probe does"):
        read_data(folder)


def test_copies_of_volumes_are_found_case_by_case(root: Path, tmp_path: Path) -> None:
    data = dense(root / "mmwhs_mri")
    assert not copied(data, tmp_path).any()
    train, test = data.cases[data.of("train")[0]], data.cases[data.of("test")[0]]
    own = {name: file for name, file in zip(data.names, data.images, strict=True)}
    images = [
        own.get(name.replace(test, train, 1), file) if case == test else file
        for name, case, file in zip(data.names, data.cases, data.images, strict=True)
    ]
    found = copied(replace(data, images=images), tmp_path)
    assert {data.cases[place] for place in np.flatnonzero(found)} == {test}
    assert found.sum() == sum(case == test for case in data.cases)
    some = [place for place in data.of("test") if data.cases[place] == test]
    images = list(data.images)
    images[some[0]] = data.images[data.of("train")[0]]  # one slice, such as a black one
    assert not copied(replace(data, images=images), tmp_path).any()


def test_copies_of_images_are_found(root: Path, tmp_path: Path) -> None:
    data = dense(root / "drive")
    images = list(data.images)
    images[data.of("test")[1]] = images[data.of("valid")[0]]
    found = copied(replace(data, images=images), tmp_path)
    assert np.flatnonzero(found).tolist() == [data.of("test")[1]]
