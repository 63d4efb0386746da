"""Corpora from real files of every format: what is taken, what is not, kills, streams."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import h5py
import nibabel
import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest
import webdataset
from PIL import Image
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from lvmmed_backbones.corpus import CorpusDataset
from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.images.windows import HOUNSFIELD, NoContrast, eight_bits
from tests.factories import blobs

ROOT = Path(__file__).resolve().parents[3]


def write_dicom(path: Path, pixels: np.ndarray, **tags) -> None:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = pydicom.dataset.FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel = 1
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = 0
    data.PhotometricInterpretation = "MONOCHROME2"
    for name, value in tags.items():
        setattr(data, name, value)
    data.PixelData = pixels.astype(np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a file of every kind, good and bad."""
    folder = tmp_path / "source"
    (folder / "masks").mkdir(parents=True)
    Image.fromarray(blobs(seed=1)).save(folder / "grey.png")
    Image.fromarray(blobs(seed=2, channels=3)).save(folder / "colour.jpg", quality=90)
    Image.fromarray(blobs(seed=3).astype(np.uint16) * 257).save(folder / "deep.tif")
    Image.fromarray(blobs(600, 900, seed=4)).save(folder / "large.png")
    nibabel.save(
        nibabel.Nifti1Image(np.stack([blobs(seed=s) for s in range(5, 9)], -1).astype(np.int16), np.eye(4)),
        folder / "volume.nii.gz",
    )  # fmt: skip
    write_dicom(
        folder / "ct",
        blobs(seed=9).astype(np.uint16) * 8,
        Modality="CT",
        RescaleIntercept=-1024,
        RescaleSlope=1,
    )
    with h5py.File(folder / "scan.h5", "w") as file:
        file["image"] = np.stack([blobs(seed=s) for s in (10, 11)]).astype(np.float32)
        file["label"] = (blobs(seed=10) > 128).astype(np.uint8)
    np.savez(folder / "stack.npz", x_train=np.stack([blobs(28, 28, seed=s) for s in (12, 13, 14)]))
    # What is not taken:
    Image.fromarray((blobs() > 128).astype(np.uint8) * 255).save(folder / "masks" / "grey.png")
    Image.fromarray((blobs() > 128).astype(np.uint8) * 255).save(folder / "unnamed.png")
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(folder / "blank.png")
    Image.fromarray(blobs(8, 8)).save(folder / "tiny.png")
    (folder / "notes.txt").write_text("not an image")
    (folder / "empty.jpg").touch()
    (folder / "cut.png").write_bytes((folder / "grey.png").read_bytes()[:300])
    (folder / "fake.jpg").write_bytes(b"no picture at all")
    (folder / "broken.nii.gz").write_bytes(b"\x1f\x8b broken")
    (folder / "object.npz").write_bytes((folder / "stack.npz").read_bytes()[:50])
    (tmp_path / "secret.png").write_bytes((folder / "grey.png").read_bytes())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


TAKEN = {
    "grey.png": 1, "colour.jpg": 1, "deep.tif": 1, "large.png": 1, "volume.nii.gz": 4, "ct": 1, "scan.h5": 2,
    "stack.npz": 3,
}  # fmt: skip
REASONS = {
    "masks/grey.png": "label image, by the name masks",
    "unnamed.png": "label image, by its few values",
    "blank.png": "almost constant",
    "tiny.png": "8 x 8 pixels: sides of 16 to 20000 are taken",
    "notes.txt": "not an image format: .txt",
    "empty.jpg": "empty file",
    "cut.png": "cannot be read (OSError: image file is truncated). Save it again",
    "fake.jpg": "cannot be read (UnidentifiedImageError: ",
    "broken.nii.gz": "cannot be read (EOFError: ",
    "object.npz": "cannot be read (BadZipFile: ",
    "link.png": "leads out of ",
}


def test_what_is_an_image_is_taken_and_what_is_not_is_named(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    built = build([("samples", source)], out, workers=2)
    table = pq.read_table(out / "manifest.parquet").to_pandas()
    assert built.images == len(table) == sum(TAKEN.values())
    assert dict(table.groupby("source").size()) == TAKEN
    with (out / "skipped.csv").open() as file:
        skipped = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    assert set(skipped) == set(REASONS)
    for name, reason in REASONS.items():
        assert skipped[name].startswith(reason), (name, skipped[name])
    assert sum(built.not_taken.values()) == len(REASONS)
    assert table[table.source == "ct"].modality.item() == "CT"
    large = table[table.source == "large.png"].iloc[0]
    assert (large.height, large.width) == (256, 384)
    summary = json.loads((out / "corpus.json").read_text())
    assert summary["images"] == built.images and len(summary["fingerprint"]) == 64


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("Kvasir-SEG/images/a.png", True),
        ("Kvasir-SEG/masks/a.png", False),
        ("images/masks/a.png", False),
        ("images/a_mask.png", False),
        ("kvasir-seg/a.png", False),
    ],
)
def test_a_folder_of_images_below_a_name_of_labels(name: str, taken: bool, tmp_path: Path) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    Image.fromarray(blobs()).save(path)
    if taken:
        assert build([tmp_path / "in"], tmp_path / "out", workers=1).images == 1
    else:
        with pytest.raises(ValueError, match="nothing in the sources is an image"):
            build([tmp_path / "in"], tmp_path / "out", workers=1)


def test_pixels_come_back(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    build([("samples", source)], out, workers=1)
    sources = pq.read_table(out / "manifest.parquet")["source"].to_pylist()
    corpus = CorpusDataset(str(out))

    def stored(name: str) -> np.ndarray:
        return corpus[sources.index(name)]["img"]

    assert np.array_equal(stored("grey.png")[..., 1], blobs(seed=1))
    photo = cv2.imread(str(source / "colour.jpg"))
    assert np.array_equal(stored("colour.jpg"), photo)
    deep = stored("deep.tif")[..., 0].astype(int)  # percentiles clip its ends
    assert np.corrcoef(deep.ravel(), blobs(seed=3).ravel())[0, 1] > 0.99
    values = np.clip(blobs(seed=9) * 8.0 - 1024, *HOUNSFIELD)
    assert np.abs(stored("ct")[..., 0] - (values + 1000) / 2000 * 255).max() <= 1


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, kind in (("a.dcm", "MONOCHROME2"), ("b.dcm", "MONOCHROME1")):
        write_dicom(
            tmp_path / "in" / name, blobs() * 16, Modality="CR", PhotometricInterpretation=kind
        )
    build([("x", tmp_path / "in")], tmp_path / "out", workers=1)
    a, b = (CorpusDataset(str(tmp_path / "out"))[i]["img"].astype(int) for i in range(2))
    assert np.abs(a + b - 255).max() <= 1


def test_outliers_do_not_darken_an_image() -> None:
    values = np.random.default_rng(0).uniform(100, 200, (64, 64))
    values[0, 0] = 60_000
    assert 100 < np.median(eight_bits(values)) < 155
    with pytest.raises(NoContrast, match="constant"):
        eight_bits(np.ones((4, 4)))
    with pytest.raises(NoContrast, match="no finite value"):
        eight_bits(np.full((4, 4), np.nan))


def test_slices_of_a_volume_share_their_scale(tmp_path: Path) -> None:
    dim, bright = blobs(seed=1) / 4.0, blobs(seed=2) * 1.0
    volume = eight_bits(np.stack((dim, bright)))
    assert volume[0].max() < 80 < volume[1].max()


def test_webdataset_reads_the_shards(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    images = build([("samples", source)], out, workers=1).images
    shards = sorted(map(str, (out / "shards").glob("*.tar")))
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    assert len(samples) == images
    assert {s["json"]["source"] for s in samples} == set(TAKEN)
    assert all(s.get("png", s.get("jpg")).dtype == np.uint8 for s in samples)


def fill(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:05d}.png"), blobs(200, 200, seed=number))


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "corpus.json"
    }


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_build_is_finished_to_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "in", 900)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    build([("x", tmp_path / "in")], whole, workers=2)
    line = [sys.executable, "-m", "lvmmed_backbones", "corpus", "build", f"x={tmp_path / 'in'}"]
    process = subprocess.Popen(
        [*line, "--out", str(parts), "--workers", "1"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list((parts / "parts").glob("*.parquet")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    (worker,) = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    while lives(worker):
        assert time.monotonic() < end, "a worker outlives the build by ten seconds"
        time.sleep(0.02)
    assert not (parts / "manifest.parquet").exists()
    done = {file: file.stat().st_mtime_ns for file in (parts / "parts").glob("*.parquet")}
    assert (
        subprocess.run([*line, "--out", str(parts)], cwd=ROOT, capture_output=True).returncode == 0
    )
    assert everything(parts) == everything(whole)
    assert all(file.stat().st_mtime_ns == when for file, when in done.items())


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    fill(tmp_path / "in", 4)
    out = tmp_path / "out"
    build([("x", tmp_path / "in")], out, workers=1)
    before = json.loads((out / "corpus.json").read_text())["fingerprint"]
    cv2.imwrite(str(tmp_path / "in" / "00002.png"), blobs(200, 200, seed=99))
    (tmp_path / "in" / "00003.png").unlink()
    images = build([("x", tmp_path / "in")], out, workers=1).images
    assert images == 3 and len(list((out / "shards").iterdir())) == 1
    assert json.loads((out / "corpus.json").read_text())["fingerprint"] != before


def test_nothing_to_take_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"nothing in the sources is an image: .*skipped\.csv"):
        build([("x", tmp_path / "in")], tmp_path / "out", workers=1)
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        build([("x", tmp_path / "nowhere")], tmp_path / "out", workers=1)


def test_real_downloads_give_images_and_no_masks(real_data: Path, tmp_path: Path) -> None:
    names = ("busi", "acdc", "prostatex_dicom")
    build([(n, real_data / n) for n in names], tmp_path, workers=2)
    summary = json.loads((tmp_path / "corpus.json").read_text())
    assert summary["data_sets"] == {"acdc": 216, "busi": 149, "prostatex_dicom": 19}
