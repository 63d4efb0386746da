"""Volumes against the arrays that were put in, nibabel and SimpleITK; headers that lead elsewhere are refused."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK

from lvmmed_backbones.corpus.reading import Picture, pictures
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images import volumes
from tests.spoiling import spoilt_bytes

pytestmark = pytest.mark.usefixtures("no_hang")

FILES = {
    "a.nii": ["a.nii"], "a.nii.gz": ["a.nii.gz"], "a.mha": ["a.mha"], "a.mhd": ["a.mhd", "a.raw"],
    "packed.mhd": ["packed.mhd", "packed.zraw"], "a.nrrd": ["a.nrrd"], "a.nhdr": ["a.nhdr", "a.raw"],
    "a.hdr": ["a.hdr", "a.img"],
}  # fmt: skip


def soft() -> np.ndarray:
    """(Z, Y, X), as ITK counts."""
    coarse = np.random.default_rng(0).integers(-500, 1500, (6, 7, 5)).astype(np.float32)
    return (
        cv2.resize(coarse, (40, 32), interpolation=cv2.INTER_CUBIC)
        .transpose(2, 0, 1)
        .astype(np.int16)
    )


def image() -> SimpleITK.Image:
    found = SimpleITK.GetImageFromArray(soft())
    found.SetSpacing((0.5, 0.75, 2))
    found.SetOrigin((-7, 11, 3))
    found.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    return found


def write(folder: Path, name: str) -> Path:
    SimpleITK.WriteImage(image(), str(folder / name), name.startswith("packed"))
    return folder / name


@pytest.mark.parametrize("name", FILES)
def test_values_and_geometry(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, name)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES[name])
    found = volumes.read(path, "Take another")
    assert np.array_equal(found.values, soft().transpose()) and found.values.dtype == np.int16
    SimpleITK.WriteImage(image(), str(tmp_path / "reference.nii"))
    reference = nibabel.load(tmp_path / "reference.nii")
    assert np.array_equal(found.values, reference.dataobj)
    assert np.allclose(found.affine, reference.affine, atol=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_a_corpus_takes_every_slice(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, name).rename(
        tmp_path / name.replace("nii", "NII")
    )  # endings in any case
    found = list(pictures(path, Path(path.name), -1))
    assert len(found) == 5 and all(isinstance(one, Picture) for one in found)
    low, high = np.percentile(soft(), (0.5, 99.5))
    right = (np.clip((soft().astype(np.float32) - low) / (high - low), 0, 1) * 255).round()
    for one, cut in zip(found, right, strict=True):
        assert isinstance(one, Picture)
        assert np.abs(one.pixels - np.rot90(cut.transpose())).max() <= 1


def test_not_a_number_does_not_blacken_a_volume(tmp_path: Path) -> None:
    values = soft().transpose().astype(np.float32)
    values[:3, :3] = np.nan
    values[5, 5] = np.inf
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    found = [
        one
        for one in pictures(tmp_path / "a.nii.gz", Path("a.nii.gz"), -1)
        if isinstance(one, Picture)
    ]
    assert len(found) == 5 and all(one.pixels.std() > 30 for one in found)


@pytest.mark.parametrize(
    "line",
    [
        "../secret.raw", "/etc/passwd", "LIST\na.raw", "a%03d.raw 1 3 1", "", "nowhere.raw", "link.raw", ".",
        "a.raw b.raw",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_a_header_names_one_file_of_its_folder(name: str, line: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = write(folder, name)
    (tmp_path / "secret.raw").write_bytes((folder / "a.raw").read_bytes())
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    path.write_text(path.read_text().replace("a.raw", line))
    with pytest.raises((Refused, FileNotFoundError)) as error:
        volumes.read(path, "Take another")
    assert str(folder) in str(error.value) and str(error.value).isprintable()


def test_huge_headers_take_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path, "a.mha")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"DimSize = 40 32 5", b"DimSize = 40000 32000 5"))
    with pytest.raises(Refused, match="declares 40000 x 32000 x 5"):
        volumes.read(path, "Take another")


def test_analyze_needs_its_voxels(tmp_path: Path) -> None:
    path = write(tmp_path, "a.hdr")
    (tmp_path / "a.img").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.hdr: its voxels, a\.img, are not beside it"):
        volumes.read(path, "Take another")


@pytest.mark.parametrize("name", ["a.mha", "a.mhd", "packed.mhd", "a.nrrd", "a.nhdr", "a.hdr"])
def test_a_generated_file_is_read_right_or_refused(name: str, tmp_path: Path) -> None:
    """By SimpleITK's own reader, where the header says what it takes."""
    path = write(tmp_path, name)
    whole, rng = path.read_bytes(), random.Random(name)
    read = 0
    for _ in range(300):
        path.write_bytes(spoilt_bytes(whole, rng, 300))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = volumes.read(path, "Take another")
            except (Refused, FileNotFoundError) as error:
                assert str(tmp_path) in str(error) and str(error).isprintable()
                continue
        read += 1
        kind = volumes.ITK[path.suffix][0]
        reference = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path), imageIO=kind))
        assert np.array_equal(
            found.values, reference.transpose(), equal_nan=reference.dtype.kind == "f"
        )
    assert 10 < read < 290
