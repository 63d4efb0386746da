"""Photographs: upright, in their own depth, kept only where every reader sees the same pixels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import imagecodecs
import mmcv
import numpy as np
import pytest
from PIL import Image, ImageOps

from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.corpus.dataset import CorpusDataset
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images.pictures import frames, read_one
from lvmmed_backbones.layout import write_data_set
from tests.factories import blobs


def turned(path: Path, turn: int, kind: str = "JPEG", image: np.ndarray | None = None) -> Path:
    """A photograph whose EXIF says how to turn it."""
    exif = Image.Exif()
    exif[274] = turn
    Image.fromarray(blobs(40, 48, 3) if image is None else image).save(path, kind, exif=exif)
    return path


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_photographs_are_read_upright(turn: int, kind: str, tmp_path: Path) -> None:
    path = turned(tmp_path / "a", turn, kind)
    found = read_one(path, "Take another")
    right = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    assert np.array_equal(found.pixels, right) and bool(found.kept) == (turn == 1)
    if kind == "JPEG":  # as OpenCV shows it
        assert np.array_equal(found.pixels, cv2.imread(str(path))[..., ::-1])


def test_what_is_prepared_is_what_training_reads(tmp_path: Path) -> None:
    """The file that is written, as mmcv reads it, against the upright image; its mask fits."""
    for turn in (1, 6):
        path = turned(tmp_path / f"{turn}.jpg", turn)
        right = np.asarray(ImageOps.exif_transpose(Image.open(path)))
        with write_data_set(tmp_path / "out" / str(turn)) as writer:
            writer.meta |= dict(kind="segmentation", classes=["background", "lesion"])
            image = writer.image("a", path)
            writer.mask("a", image, right[..., 0] > 127, path)
            for split in ("train", "valid", "test"):
                writer.split(split, ["a"] if split == "train" else [])
            writer.meta["disjoint"] = []
            (written,) = (writer.scratch / "images").iterdir()
            assert np.array_equal(mmcv.imread(str(written))[..., ::-1], right)
            mask = mmcv.imread(str(writer.scratch / "masks" / "a.png"), flag="unchanged")
            assert mask.shape == right.shape[:2] == image.shape[:2]
            writer.split("valid", ["a"])
            writer.split("test", ["a"])


def test_a_corpus_holds_upright_images(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for turn in (1, 6, 8):
        turned(tmp_path / "in" / f"{turn}.jpg", turn)
    build([("x", tmp_path / "in")], tmp_path / "out", workers=1)
    data = CorpusDataset(str(tmp_path / "out"))
    for number, turn in enumerate((1, 6, 8)):
        right = ImageOps.exif_transpose(Image.open(tmp_path / "in" / f"{turn}.jpg"))
        assert np.array_equal(data.read(number)[..., ::-1], np.asarray(right))
    assert json.loads((tmp_path / "out" / "corpus.json").read_text())["images"] == 3


def test_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    path = turned(tmp_path / "a.jpg", 6)
    content = (
        path.read_bytes()
        .replace(b"Exif\0\0MM", b"Exif\0\0XX")
        .replace(b"Exif\0\0II", b"Exif\0\0XX")
    )
    path.write_bytes(content)
    assert read_one(path, "Take another").pixels.shape == (40, 48, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_sixteen_bits_keeps_them(channels: int, tmp_path: Path) -> None:
    deep = blobs(40, 48, max(channels, 1)).reshape(40, 48, channels).astype(np.uint16) * 16 + 3
    path = tmp_path / "a.png"
    if channels == 2:
        path.write_bytes(imagecodecs.png_encode(deep))
    else:
        bgr = deep if channels == 1 else deep[..., [2, 1, 0, *range(3, channels)]]
        cv2.imwrite(str(path), bgr)
    found = read_one(path, "Take another")
    assert not found.kept
    if channels in (1, 2):
        assert np.array_equal(found.pixels, deep[..., 0])
    else:
        assert np.array_equal(found.pixels, deep[..., :3])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_modes(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(blobs(40, 48, 3)).convert(mode)
    path = tmp_path / "a"
    image.save(path, "JPEG" if mode == "CMYK" else "PNG")
    found = read_one(path, "Take another")
    right = np.asarray(Image.open(path).convert("L" if mode in ("1", "L", "LA") else "RGB"))
    assert np.array_equal(found.pixels, right)
    assert bool(found.kept) == (mode in ("L", "RGB"))


def test_several_images_are_not_one(tmp_path: Path) -> None:
    images = [Image.fromarray(blobs(40, 48, seed=s)) for s in range(3)]
    for kind in ("GIF", "TIFF"):
        path = tmp_path / f"a.{kind}"
        images[0].save(path, save_all=True, append_images=images[1:])
        assert len(list(frames(path, "Take another"))) == 3
        with pytest.raises(Refused, match="holds several images"):
            read_one(path, "Take another")


def test_of_a_cameras_file_the_first_image_is_read(tmp_path: Path) -> None:
    images = [Image.fromarray(blobs(40 // n, 48 // n, 3)) for n in (1, 2)]
    images[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=images[1:])
    (found,) = frames(tmp_path / "a.jpg", "Take another")
    assert found.pixels.shape == (40, 48, 3)
