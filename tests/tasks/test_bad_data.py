"""Broken downloads: each gets a message that names the file and the remedy, and nothing half-written stays behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.layout.check import problems_of
from lvmmed_backbones.layout.writer import write_data_set
from tasks import datasets, phantoms


def refused(name: str, tmp_path: Path, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        datasets.prepare(name, tmp_path / "in", tmp_path / "out")
    assert list((tmp_path / "out").glob("*")) == []
    assert list((tmp_path / "out").glob(".*")) == []


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


@pytest.mark.parametrize("name", phantoms.names())
def test_missing_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    folder = datasets.get(name).folder
    refused(
        name,
        tmp_path,
        FileNotFoundError,
        f"{folder}: no such folder. Download .* from http.* and unpack it there",
    )


@pytest.mark.parametrize("name", datasets.names())
def test_empty_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "in" / datasets.get(name).folder).mkdir(parents=True)
    refused(name, tmp_path, FileNotFoundError, "(unpacked in this place|lies in the download)")


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("isic2018", "ISIC2018_Task1_Training_GroundTruth/*.png"),
        ("drive", "training/1st_manual/*.gif"),
        ("kvasir", "masks/*.jpg"),
        ("buid", "Dataset_BUSI_with_GT/benign/*_mask.png"),
        ("jsrt", "scratch/fold1/masks/left lung/*.gif"),
        ("brats2018", "MICCAI_BraTS_2018_Data_Training/HGG/*/*_seg.nii.gz"),
        ("mmwhs_ct", "*_label.nii.gz"),
        ("prostate", "HK/*_segmentation.nii.gz"),
    ],
)
def test_image_without_mask(name: str, mask: str, download, tmp_path: Path) -> None:
    path = first(download(name), mask)
    path.unlink()
    escaped = path.name.replace("(", r"\(").replace(")", r"\)")
    refused(
        name,
        tmp_path,
        FileNotFoundError,
        f"{escaped}: no such (image|volume). Is the download complete",
    )


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("isic2018", "ISIC2018_Task1-2_Training_Input/*.jpg"),
        ("drive", "test/images/*.tif"),
        ("kvasir", "images/*.jpg"),
        ("buid", "Dataset_BUSI_with_GT/malignant/*).png"),
        ("vindr", "train/*.png"),
        ("fgadr", "Seg-set/Original_Images/*.png"),
        ("brain_tumor", "Testing/no_tumor/*.jpg"),
    ],
)
def test_truncated_image(name: str, image: str, download, tmp_path: Path) -> None:
    path = first(download(name), image)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    escaped = path.name.replace("(", r"\(").replace(")", r"\)")
    refused(
        name, tmp_path, ValueError, f"{escaped}: is (no whole image|cut off).* Download it again"
    )


def test_truncated_raw_image(download, tmp_path: Path) -> None:
    path = first(download("jsrt"), "All247images/*.IMG")
    path.write_bytes(path.read_bytes()[:-2])
    refused("jsrt", tmp_path, ValueError, f"{path.name}: has .* bytes, which is no square image")


@pytest.mark.parametrize(
    ("name", "volume"), [("mmwhs_mri", "*_image.nii.gz"), ("prostate", "BMC/*.nii.gz")]
)
def test_truncated_volume(name: str, volume: str, download, tmp_path: Path) -> None:
    path = first(download(name), volume)
    path.write_bytes(path.read_bytes()[:2000])
    refused(name, tmp_path, ValueError, f"{path.name}: is no whole volume")


def test_mask_with_unknown_values(download, tmp_path: Path) -> None:
    path = first(download("isic2018"), "ISIC2018_Task1_Training_GroundTruth/*.png")
    mask = np.array(Image.open(path))
    mask[0, :3] = 100
    Image.fromarray(mask).save(path)
    refused(
        "isic2018",
        tmp_path,
        ValueError,
        rf"{path.name}: a mask of 0 and 255 .* has the values \[0, 100, 255\]",
    )


def test_volume_with_unknown_labels(download, tmp_path: Path) -> None:
    path = first(download("brats2018"), "*/HGG/*/*_seg.nii.gz")
    volume = nibabel.load(path)
    labels = np.array(volume.dataobj)
    labels[0, 0, 0] = 3
    nibabel.save(nibabel.Nifti1Image(labels, volume.affine), path)
    refused(
        "brats2018",
        tmp_path,
        ValueError,
        rf"{path.name}: has the unknown labels \[3\]: expected 0 and \[1, 2, 4\]",
    )


def test_mask_of_another_size(download, tmp_path: Path) -> None:
    path = first(download("drive"), "training/1st_manual/*.gif")
    Image.open(path).resize((50, 40)).save(path)
    refused(
        "drive",
        tmp_path,
        ValueError,
        rf"{path.name}: the mask has the size \(40, 50\), its image \(80, 80\)",
    )


def test_a_split_that_comes_out_empty(download, tmp_path: Path) -> None:
    source = download("kvasir")
    from tasks.splits import published_split

    for name in published_split("kvasir")["test"]:
        (source / "images" / name).unlink(missing_ok=True)
    refused("kvasir", tmp_path, ValueError, "kvasir was not written: split test is empty")


def test_overlapping_splits(tmp_path: Path) -> None:
    image = np.zeros((4, 4), np.uint8)
    with (
        pytest.raises(ValueError, match="splits test and train share 1 names, such as a"),
        write_data_set(tmp_path / "set") as writer,
    ):
        writer.meta.update(kind="segmentation", classes=["background", "x"])
        for name in ("a", "b"):
            writer.mask(name, writer.image(name, image), image, Path("a.png"))
        writer.split("train", ["a", "b"])
        writer.split("test", ["a"])
    assert list(tmp_path.iterdir()) == []


def test_the_published_leak_of_fgadr_is_known_and_no_other_passes(
    prepared_root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "fgadr"
    shutil.copytree(prepared_root / "fgadr", folder)
    assert problems_of(folder) == []
    train, test = folder / "splits" / "train.txt", folder / "splits" / "test.txt"
    train.write_text(train.read_text() + test.read_text().splitlines()[0] + "\n")
    assert any("test and train share 1 names" in p for p in problems_of(folder))


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\\b", "a\nb"])
def test_names_that_leave_the_folder(name: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="leaves its folder"),
        write_data_set(tmp_path / "set") as writer,
    ):
        writer.image(name, np.zeros((4, 4), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_an_image_without_boxes(download, tmp_path: Path) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    boxes = json.loads(path.read_text())
    name = sorted(boxes)[0]
    del boxes[name]
    path.write_text(json.dumps(boxes))
    refused("kvasir", tmp_path, ValueError, f"kavsir_bboxes.json: has no boxes of {name}")


def test_a_table_of_another_data_set(download, tmp_path: Path) -> None:
    table = download("vindr") / "train.csv"
    table.write_text("image_id,class_id\n0,1\n")
    refused("vindr", tmp_path, ValueError, r"train\.csv: lacks the columns \['x_min'")


def test_a_grade_that_does_not_exist(download, tmp_path: Path) -> None:
    table = download("fgadr") / "Seg-set" / "DR_Seg_Grading_Label.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join([rows[0][:-1] + "9", *rows[1:]]))
    refused("fgadr", tmp_path, ValueError, "has the grade 9: expected 0 to 4")


def test_an_old_preparation_stays_when_the_new_one_fails(download, tmp_path: Path) -> None:
    source = download("drive")
    folder = datasets.prepare("drive", tmp_path / "in", tmp_path / "out")
    before = (folder / "meta.json").read_text()
    first(source, "test/images/*.tif").unlink()
    first(source, "training/1st_manual/*.gif").unlink()
    with pytest.raises(FileNotFoundError):
        datasets.prepare("drive", tmp_path / "in", tmp_path / "out")
    assert (folder / "meta.json").read_text() == before


def test_what_is_no_prepared_data_set(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no prepared data set\. Make one by `python -m tasks prepare`"
    ):
        problems_of(tmp_path)


def test_truncated_boxes(download, tmp_path: Path) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    path.write_text(path.read_text()[:100])
    refused("kvasir", tmp_path, ValueError, r"kavsir_bboxes\.json: is no whole JSON file")


def test_boxes_of_another_form(download, tmp_path: Path) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    boxes = json.loads(path.read_text())
    name = sorted(boxes)[0]
    del boxes[name]["width"]
    path.write_text(json.dumps(boxes))
    refused(
        "kvasir", tmp_path, ValueError, rf"bboxes\.json: the entry of {name} is not as expected"
    )


def test_a_finding_without_numbers(download, tmp_path: Path) -> None:
    table = download("vindr") / "train.csv"
    rows = table.read_text().splitlines()
    cells = rows[1].split(",")
    cells[4] = ""
    table.write_text("\n".join([rows[0], ",".join(cells), *rows[2:]]))
    refused("vindr", tmp_path, ValueError, r"train\.csv: row 2: the x_min is empty")


def test_an_empty_table(download, tmp_path: Path) -> None:
    (download("vindr") / "train.csv").write_text("")
    refused("vindr", tmp_path, ValueError, r"train\.csv: is no whole table .* Download it again")


def test_an_empty_table_of_grades(download, tmp_path: Path) -> None:
    path = download("fgadr") / "Seg-set" / "DR_Seg_Grading_Label.csv"
    path.write_text("")
    refused("fgadr", tmp_path, ValueError, rf"{path.name}: has no grade of 0001_2\.png")


def test_a_volume_with_a_spoilt_middle(download, tmp_path: Path) -> None:
    """All voxels can still be read: only the checksum tells."""
    path = first(download("prostate"), "BMC/*.nii.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = bytes([255]) * 400
    path.write_bytes(bytes(content))
    refused("prostate", tmp_path, ValueError, f"{path.name}: is no whole volume")
