"""What people's own images are like: modes, blanks, masks beside images, volumes, numbers to predict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.evaluation.data import LabelledImages, pooled, read_data
from lvmmed_backbones.files.outside import Refused
from tasks import datasets


def noise(seed: int, *shape: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def save(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "I;16", "1", "LA"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    for number in range(12):
        colour = Image.fromarray(noise(number, 9 + number, 8, 3))
        image = colour.convert(mode) if mode != "I;16" else None
        if image is None:
            image = Image.fromarray(noise(number, 9 + number, 8, dtype="uint16"))
        save(tmp_path / "ab"[number % 2] / f"{number}.{'tif' if mode == 'CMYK' else 'png'}", image)
    data = read_data(tmp_path)
    for place in range(len(data)):
        pixels = data.pixels(place)
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        if mode == "I;16":  # by percentiles
            assert pixels.min() == 0 and pixels.max() == 255
        else:
            reference = Image.open(data.images[place]).convert("RGB")
            assert np.array_equal(pixels, np.asarray(reference))


def test_masks_beside_images_are_left_out_and_told(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        save(folder / f"x ({number}).png", Image.fromarray(noise(number, 9, 9)))
        save(folder / f"x ({number})_mask.png", Image.fromarray(noise(number, 9, 9)))
    save(tmp_path / "a" / "x (0)_mask_1.png", Image.fromarray(noise(0, 9, 9)))
    save(tmp_path / "a" / "gas_mask.png", Image.fromarray(noise(99, 9, 9)))
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "a" / "._x (0).png").write_bytes(b"\0")
    (tmp_path / ".git").mkdir()
    data = read_data(tmp_path)
    assert len(data) == 13 and "a/gas_mask.png" in data.names
    assert "14 masks, files or folders that are no images were left out" in data.notes[0]


def test_busi_by_folder(real_data: Path) -> None:
    data = read_data(real_data / "busi" / "Dataset_BUSI_with_GT")
    assert data.classes == ["benign", "malignant", "normal"]
    assert np.bincount(data.labels).tolist() == [49, 50, 50]
    assert not any("_mask" in name for name in data.names) and "151 masks" in data.notes[0]


def test_cells_of_one_smear_are_one_patients(tmp_path: Path) -> None:
    import shutil

    source = datasets.SHIPPED / "bccd"
    shutil.copytree(source / "ImageSets", tmp_path / "bccd" / "ImageSets")
    for kind in ("Annotations", "JPEGImages"):
        (tmp_path / "bccd" / kind).mkdir()
        for file in sorted((source / kind).iterdir())[:30]:
            shutil.copy(file, tmp_path / "bccd" / kind)
    data = read_data(datasets.prepare("bccd_cells", tmp_path, tmp_path / "out"))
    assert data.classes == ["RBC", "WBC", "Platelets"]  # in the order of the boxes' classes
    assert data.patients == [name.partition("/")[0] for name in data.names]
    assert len(set(data.patients)) == 30


@pytest.mark.parametrize("spoilt", ["empty class", "no images", "one class"])
def test_folders_that_hold_nothing_are_refused(spoilt: str, tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / "ab"[number % 2] / f"{number}.png", Image.fromarray(noise(number, 9, 9)))
    if spoilt == "empty class":
        (tmp_path / "c").mkdir()
        message = "c: holds no images. Add some, or take the folder out"
    elif spoilt == "no images":
        for file in (tmp_path / "b").iterdir():
            file.rename(file.with_suffix(".dcm"))
        message = "b: holds no images"
    else:
        (tmp_path / "b").rename(tmp_path.with_name("elsewhere"))
        message = "has one class, 'a': give at least two"
    with pytest.raises(ValueError, match=message):
        read_data(tmp_path)


def table(path: Path, rows: list[str], columns: str = "path,target") -> Path:
    for number in range(20):
        cv2.imwrite(str(path / f"{number}.png"), noise(number, 9, 9))
    (path / "t.csv").write_text("\n".join([columns, *rows]), encoding="utf-8-sig")
    return path / "t.csv"


def test_a_number_to_predict(tmp_path: Path) -> None:
    data = read_data(table(tmp_path, [f"{number}.png, {number / 4}" for number in range(20)]))
    assert isinstance(data, LabelledImages) and data.targets is not None
    assert data.targets.tolist() == [number / 4 for number in range(20)]
    assert data.classes == ["target"] and not data.labels.any()
    assert [len(data.of(part)) for part in ("train", "valid", "test")] == [13, 3, 4]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0.png,", "row 2 lacks its path or target"),
        ("0.png,  ", "row 2 lacks its path or target"),
        ("0.png,nan", "row 2 has the target 'nan', which is no number"),
        ("0.png,inf", "row 2 has the target 'inf', which is no number"),
        ("0.png,high", "row 2 has the target 'high', which is no number"),
        ("0.png,1,2", "row 2 has more or fewer cells than columns"),
        ("0.png", "row 2 has more or fewer cells than columns"),
        ("1.png,3", "row 3 repeats the image of row 2"),
    ],
)
def test_targets_that_are_none_are_refused(row: str, message: str, tmp_path: Path) -> None:
    rows = [row, *(f"{number}.png,{number}" for number in range(1, 20))]
    with pytest.raises(Refused, match=message):
        read_data(table(tmp_path, rows))


def test_one_target_for_all_teaches_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="all training images have one target"):
        read_data(table(tmp_path, [f"{number}.png,3" for number in range(20)]))


def test_blank_labels_are_refused(tmp_path: Path) -> None:
    rows = [f"{number}.png,{'ab '[number % 3]}" for number in range(20)]
    with pytest.raises(Refused, match=r"row 4 lacks its path or label. Fill it in"):
        read_data(table(tmp_path, rows, "path,label"))


def arrays(shape: tuple[int, ...], labels: object = (0, 1) * 10, dtype: str = "uint8") -> dict:
    return {"images": noise(0, 20, *shape, dtype=dtype), "labels": labels}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (arrays((9, 9), dtype="uint16"), r"images is uint16 \(20, 9, 9\). Give \(N, H, W\)"),
        (arrays((9, 9, 4)), "without an alpha channel"),
        (arrays((9,)), r"images is uint8 \(20, 9\)"),
        (arrays((9, 9), labels=(0, 1)), "images holds 20, with 2 labels. Give one for each"),
        (arrays((9, 9), labels=np.eye(20)), "labels has 20 columns. Several labels of one image"),
        (arrays((9, 9), labels=[np.nan] * 20), "labels has NaN or infinity"),
        ({"pictures": 1}, "no train_images among pictures"),
        (
            {**arrays((9, 9)), "train_images": noise(1, 2, 9, 9, 9), "train_labels": [0, 1]},
            "some parts hold volumes, others images",
        ),
    ],
)
def test_arrays_of_another_form_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_data(given)


def test_images_of_other_forms_are_named_when_they_are_read() -> None:
    data = read_data(arrays((9, 9)))
    wrong = replace(data, images=[np.zeros((9, 9, 4), np.uint8)] * 20)
    with pytest.raises(ValueError, match=r"arrays: image/00003 is uint8 \(9, 9, 4\). Give"):
        wrong.pixels(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(labels=np.full(20, -1)), "has labels of -1 to -1"),
        (dict(labels=np.zeros(20)), r"has labels of 0.0 to 0.0 \(float64\)"),
        (dict(labels=np.zeros(3, int)), "has 20 images and 3 labels: give one each"),
        (dict(patients=["a"]), "has 20 images and 1 patients"),
        (dict(targets=np.full(20, np.nan)), "the target of image/00000 is nan: give a number"),
        (dict(classes=[]), "has no images, or no classes"),
    ],
)
def test_images_made_by_hand_are_checked(change: dict, message: str) -> None:
    data = read_data(arrays((9, 9)))
    assert isinstance(data, LabelledImages)
    with pytest.raises(ValueError, match=message):
        read_data(replace(data, **change))


def test_volumes_have_the_mean_of_their_slices() -> None:
    given = arrays((5, 9, 8))
    data = read_data(given)
    assert isinstance(data, LabelledImages) and len(data) == 100
    values = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    whole, means = pooled(data, values)
    assert len(whole) == 20 and whole.volumes is None and whole.names[3] == "image/00003"
    assert np.allclose(means, values.reshape(20, 5, 3).mean(1)) and means.dtype == np.float32
    assert whole.labels.tolist() == [0, 1] * 10
    assert np.array_equal(whole.images[3], given["images"][3, 2])
    for part in ("train", "valid", "test"):  # no volume is in two parts
        assert {data.cases[p] for p in data.of(part)} == {whole.names[p] for p in whole.of(part)}
    same, untouched = pooled(whole, means)
    assert same is whole and untouched is means
