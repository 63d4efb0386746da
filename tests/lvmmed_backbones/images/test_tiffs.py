"""TIFF of every kind that people bring: the pixels that were put in, or a line."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from lvmmed_backbones.corpus.reading import Picture, pictures
from lvmmed_backbones.files.outside import ForeignFile, Refused
from lvmmed_backbones.images.pictures import frames
from lvmmed_backbones.images.tiffs import planes

H, W = 40, 48


def soft(channels: int = 1, kind: type = np.uint8, seed: int = 0) -> np.ndarray:
    """(H, W) or (H, W, channels), smooth, over the range of its type; floats from 0 to 1."""
    coarse = np.random.default_rng(seed).random((5, 6, channels))
    fine = cv2.resize(coarse, (W, H), interpolation=cv2.INTER_CUBIC).reshape(H, W, channels)
    fine = (fine - fine.min()) / (fine.max() - fine.min())
    if np.issubdtype(kind, np.integer):
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        fine = (fine * (float(high) - low) + low).round().clip(low, high)
        return (
            (fine if channels > 1 else fine[..., 0])
            .astype(np.int64 if kind == np.uint32 else kind)
            .astype(kind)
        )
    return (fine if channels > 1 else fine[..., 0]).astype(kind)


def read(path: Path) -> list[np.ndarray]:
    """By tifffile; what Pillow reads must be the same."""
    with path.open("rb") as file:
        found = list(planes(ForeignFile(path, "Take another"), file))
    usual = [frame.pixels for frame in frames(path, "Take another")]
    assert len(usual) == len(found) and all(map(np.array_equal, usual, found))
    return found


@pytest.mark.parametrize(
    "kind", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_depth(kind: type, channels: int, tmp_path: Path) -> None:
    image = soft(channels, kind)
    photometric = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(
        tmp_path / "a.tif", image, photometric=photometric, compression="zlib", predictor=True
    )
    (found,) = read(tmp_path / "a.tif")
    assert found.dtype == image.dtype and np.array_equal(found, image)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_stretched(bits: int, tmp_path: Path) -> None:
    values = (soft() >> (8 - bits)).astype(np.uint8)
    packed = (
        imagecodecs.packints_encode(values, bits)
        if bits > 1
        else np.packbits(values, axis=1).tobytes()
    )
    write_raw(tmp_path / "a.tif", packed, bits)
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(found, values * (255 // (2**bits - 1)))


def write_raw(path: Path, data: bytes, bits: int, photometric: int = 1) -> None:
    """A TIFF of one strip, as bytes."""
    tags = [
        (256, W),
        (257, H),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, H),
        (279, len(data)),
    ]
    entries = b"".join(
        np.array([tag, 4], "<u2").tobytes() + np.array([1, value], "<u4").tobytes()
        for tag, value in tags
    )
    start = 8 + len(data)
    directory = np.array([len(tags)], "<u2").tobytes() + entries + bytes(4)
    path.write_bytes(b"II*\0" + np.array([start], "<u4").tobytes() + data + directory)


def test_twelve_bits(tmp_path: Path) -> None:
    values = soft(1, np.uint16) >> 4
    write_raw(tmp_path / "a.tif", imagecodecs.packints_encode(values, 12), 12)
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(found, values)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_white_is_zero(kind: type, tmp_path: Path) -> None:
    image = soft(1, kind)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="miniswhite")
    (found,) = read(tmp_path / "a.tif")
    right = -image if kind == np.float32 else np.iinfo(kind).max - image
    assert np.array_equal(found, right)
    if kind == np.uint8:  # as libtiff shows it
        assert np.array_equal(found, np.asarray(Image.open(tmp_path / "a.tif").convert("L")))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_palette_becomes_its_colours(depth: int, tmp_path: Path) -> None:
    indices = soft()
    colours = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    colormap = colours if depth == 8 else colours * 257
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colormap)
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(found, colours.T[indices])


PACKINGS = ["none", "lzw", "zlib", "packbits", "lzma", "zstd", "jpeg", "jpeg2000"]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_every_packing(packing: str, tiled: bool, planar: str, tmp_path: Path) -> None:
    image = soft(3)
    if planar == "separate":
        if packing == "jpeg":
            pytest.skip("as grey planes")
        image = np.ascontiguousarray(image.transpose(2, 0, 1))
    tile = dict(tile=(16, 32)) if tiled else dict(rowsperstrip=16)
    tifffile.imwrite(
        tmp_path / "a.tif", image, photometric="rgb", planarconfig=planar,
        compression=None if packing == "none" else packing, **tile,
    )  # fmt: skip
    (found,) = read(tmp_path / "a.tif")
    assert found.shape == (H, W, 3)
    difference = np.abs(
        found.astype(int) - (image if planar == "contig" else image.transpose(1, 2, 0))
    )
    assert difference.mean() < (4 if packing == "jpeg" else 0.001)


def test_ycbcr_and_cmyk_become_rgb(tmp_path: Path) -> None:
    image = soft(3)
    for mode, space in (("YCbCr", "ycbcr"), ("CMYK", "separated")):
        values = np.asarray(Image.fromarray(image).convert(mode))
        tifffile.imwrite(tmp_path / "a.tif", values, photometric=space)
        (found,) = read(tmp_path / "a.tif")
        assert np.abs(found.astype(int) - image).max() <= 3, mode


def test_alpha_is_left_out_and_channels_are_not(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", soft(4), photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(read(tmp_path / "a.tif")[0], soft(4)[..., :3])
    tifffile.imwrite(
        tmp_path / "b.tif",
        soft(2),
        photometric="minisblack",
        extrasamples=["unassalpha"],
        planarconfig="contig",
    )
    assert [a.shape for a in read(tmp_path / "b.tif")] == [(H, W)]
    tifffile.imwrite(
        tmp_path / "c.tif",
        soft(2),
        photometric="minisblack",
        extrasamples=[0],
        planarconfig="contig",
    )
    assert all(np.array_equal(a, soft(2)[..., n]) for n, a in enumerate(read(tmp_path / "c.tif")))


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation(turn: int, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", soft(3), photometric="rgb", extratags=[(274, "H", 1, turn, True)]
    )
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(
        found, np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.tif")))
    )


def test_a_stack_is_scaled_as_one_volume(tmp_path: Path) -> None:
    stack = np.stack([soft(1, np.uint16, seed) // (4 - seed) for seed in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    shown = [
        one.pixels
        for one in pictures(tmp_path / "a.tif", Path("a.tif"), -1)
        if isinstance(one, Picture)
    ]
    assert len(shown) == 3
    low, high = np.percentile(stack, (0.5, 99.5))
    right = (np.clip((stack - low) / (high - low), 0, 1) * 255).round()
    assert np.abs(np.stack(shown) - right).max() <= 1


def said_pyramid(path: Path, levels: list[np.ndarray]) -> None:
    """Levels in SubIFDs, as OME-TIFF has them."""
    with tifffile.TiffWriter(path) as writer:
        writer.write(levels[0], photometric="rgb", tile=(16, 16), subifds=len(levels) - 1)
        for level in levels[1:]:
            writer.write(level, photometric="rgb", tile=(16, 16), subfiletype=1)


def flagged_pyramid(path: Path, levels: list[np.ndarray]) -> None:
    """Levels as pages that say that they are reduced, as cloud-optimised GeoTIFF has them."""
    with tifffile.TiffWriter(path) as writer:
        for number, level in enumerate(levels):
            writer.write(
                level, photometric="rgb", tile=(16, 16), subfiletype=int(number > 0), metadata=None
            )


def silent_pyramid(path: Path, levels: list[np.ndarray]) -> None:
    """Levels as pages that say nothing, as scanners of slides write them."""
    with tifffile.TiffWriter(path) as writer:
        for level in levels:
            writer.write(level, photometric="rgb", tile=(16, 16), metadata=None)


@pytest.mark.parametrize("write", [said_pyramid, flagged_pyramid, silent_pyramid])
def test_of_a_pyramid_the_largest_image_is_read(write: Callable, tmp_path: Path) -> None:
    levels = [soft(3)[:: 2**n, :: 2**n] for n in range(3)]
    write(tmp_path / "a.tif", [np.ascontiguousarray(level) for level in levels])
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(found, levels[0])


def test_pages_of_other_sizes_are_images_of_their_own(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for height in (40, 30, 20):
            writer.write(soft()[:height], photometric="minisblack", metadata=None)
    assert [a.shape for a in read(tmp_path / "a.tif")] == [(40, W), (30, W), (20, W)]


def test_a_file_of_imagej_is_a_stack(tmp_path: Path) -> None:
    stack = np.stack([soft(1, np.uint16, seed) for seed in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True)
    assert np.array_equal(np.stack(read(tmp_path / "a.tif")), stack)


def bomb(path: Path) -> None:
    """A deflated strip of 512 MB."""
    write_raw(path, zlib.compress(bytes(2**29), 1), 8)
    content = bytearray(path.read_bytes())
    at = content.index(np.array([259, 4], "<u2").tobytes())
    content[at + 8 : at + 12] = np.array([8], "<u4").tobytes()
    path.write_bytes(content)


def huge(path: Path) -> None:
    write_raw(path, bytes(100), 8)
    content = bytearray(path.read_bytes())
    for tag in (256, 257):
        at = content.index(np.array([tag, 4], "<u2").tobytes())
        content[at + 8 : at + 12] = np.array([10**6], "<u4").tobytes()
    path.write_bytes(content)


def loop(path: Path) -> None:
    """A page that names itself as the next one."""
    write_raw(path, soft().tobytes(), 8)
    content = bytearray(path.read_bytes())
    content[-4:] = content[4:8]
    path.write_bytes(content)


def cut(path: Path) -> None:
    tifffile.imwrite(path, soft(), photometric="minisblack", compression="zlib", rowsperstrip=8)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages[0].tags[279]
        tag.overwrite([*tag.value[:3], 0, *tag.value[4:]])


def short(path: Path) -> None:
    """A strip that unpacks to fewer rows than it should."""
    write_raw(path, zlib.compress(bytes(W * 10)), 8)
    content = bytearray(path.read_bytes())
    at = content.index(np.array([259, 4], "<u2").tobytes())
    content[at + 8 : at + 12] = np.array([8], "<u4").tobytes()
    path.write_bytes(content)


def lost_page(path: Path) -> None:
    """A stack whose second page is said to lie beyond the file."""
    tifffile.imwrite(
        path, np.stack([soft(seed=s) for s in range(3)]), photometric="minisblack", metadata=None
    )
    with tifffile.TiffFile(path) as tiff:
        offsets = [page.offset for page in tiff.pages]
    content = bytearray(path.read_bytes())
    at = content.index(np.array([offsets[1]], "<u4").tobytes())
    content[at : at + 4] = np.array([2**30], "<u4").tobytes()
    path.write_bytes(content)


def logluv(path: Path) -> None:
    write_raw(path, soft().tobytes(), 8, photometric=32845)


@pytest.mark.parametrize("write", [bomb, huge, loop, cut, short, lost_page, logluv])
def test_what_is_damaged_or_not_read_is_refused(write: Callable, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path)
    with pytest.raises(Refused, match=r"a\.tif: ") as error:
        read(path)
    assert str(error.value).isprintable()


def test_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost_page(tmp_path / "a.tif")
    with pytest.raises(Refused):
        read(tmp_path / "a.tif")
    assert not caplog.records


@pytest.mark.parametrize("packing", ["group3", "group4", "tiff_ccitt"])
def test_faxes(packing: str, tmp_path: Path) -> None:
    bits = soft() > 127
    Image.fromarray(bits).save(tmp_path / "a.tif", compression=packing)
    (found,) = read(tmp_path / "a.tif")
    assert np.array_equal(found, bits * np.uint8(255))


def test_bigtiff_and_the_other_byte_order(tmp_path: Path) -> None:
    image = soft(3, np.uint16)
    for number, options in enumerate(
        (dict(bigtiff=True), dict(byteorder=">"), dict(bigtiff=True, byteorder=">"))
    ):
        tifffile.imwrite(tmp_path / f"{number}.tif", image, photometric="rgb", **options)
        (found,) = read(tmp_path / f"{number}.tif")
        assert np.array_equal(found, image)
