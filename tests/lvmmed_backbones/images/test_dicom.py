"""DICOM of every kind that people bring, against the pixels that were put in and against SimpleITK (GDCM)."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from lvmmed_backbones.corpus.reading import Picture, pictures
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images.dicom import frames

H, W = 40, 48


def soft(seed: int = 0, channels: int = 1, top: int = 255) -> np.ndarray:
    """(H, W) or (H, W, channels), smooth, so that codecs with loss change little; whole numbers from 0 to `top`."""
    coarse = np.random.default_rng(seed).random((5, 6, channels))
    fine = cv2.resize(coarse, (W, H), interpolation=cv2.INTER_CUBIC).reshape(H, W, channels)
    fine = (fine - fine.min()) / (fine.max() - fine.min()) * top
    return np.round(fine if channels > 1 else fine[..., 0]).astype(
        np.uint16 if top > 255 else np.uint8
    )


def write(
    path: Path, pixels: np.ndarray | bytes, syntax: str = uid.ExplicitVRLittleEndian, **tags
) -> Path:
    """A DICOM file of these pixels, or of these packed bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = tags.pop("stored_as", uid.SecondaryCaptureImageStorage)
    meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    meta.TransferSyntaxUID = syntax
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = H, W
    colour = isinstance(pixels, np.ndarray) and pixels.shape[-1] == 3
    bits = 8 * pixels.itemsize if isinstance(pixels, np.ndarray) else 8
    facts = dict(
        SamplesPerPixel=3 if colour else 1, BitsAllocated=bits, BitsStored=bits, PixelRepresentation=0,
        PhotometricInterpretation="RGB" if colour else "MONOCHROME2", Modality="OT",
    )  # fmt: skip
    facts |= tags
    facts.setdefault("HighBit", facts["BitsStored"] - 1)
    if facts["SamplesPerPixel"] == 3:
        facts.setdefault("PlanarConfiguration", 0)
    for name, value in facts.items():
        setattr(data, name, value)
    data.PixelData = pixels if isinstance(pixels, bytes) else pixels.tobytes()
    data["PixelData"].VR = "OB" if facts["BitsAllocated"] <= 8 else "OW"
    data.save_as(path, enforce_file_format=True)
    return path


def itk(path: Path) -> np.ndarray:
    """(N, H, W) or (N, H, W, 3), as GDCM reads it, rescaled."""
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def shown(path: Path) -> list[np.ndarray]:
    """The images that a corpus takes of a file."""
    found = list(pictures(path, Path(path.name), -1))
    assert all(isinstance(one, Picture) for one in found), found
    return [one.pixels for one in found]


def ybr(rgb: np.ndarray) -> np.ndarray:
    """RGB as YBR_FULL (PS3.3 C.7.6.3.1.2)."""
    y = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    found = rgb.astype(float) @ y.T + np.array([0, 128, 128])
    return found.round().clip(0, 255).astype(np.uint8)


def jpeg(rgb: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=98, **options)
    return encapsulate([file.getvalue()])


RGB = soft(1, 3)


def halved(values: np.ndarray) -> np.ndarray:
    """YBR_FULL with the colours of every second column, in the order of the standard: Y Y B R."""
    y = values[..., 0].reshape(H, W // 2, 2)
    pairs = values[..., 1:].astype(int).reshape(H, W // 2, 2, 2).mean(axis=2).round()
    return np.concatenate([y, pairs.astype(np.uint8)], axis=-1).astype(np.uint8)


COLOURS = {
    "RGB": (RGB, dict()),
    "planes": (np.ascontiguousarray(RGB.transpose(2, 0, 1)), dict(SamplesPerPixel=3, PlanarConfiguration=1)),
    "YBR_FULL": (ybr(RGB), dict()),
    "YBR_FULL_422": (halved(ybr(RGB)).tobytes(), dict(SamplesPerPixel=3)),
    "JPEG of YBR_FULL_422": (
        jpeg(RGB, subsampling=1), dict(SamplesPerPixel=3, syntax=uid.JPEGBaseline8Bit)
    ),
    "JPEG of YBR_FULL": (
        jpeg(RGB, subsampling=0), dict(SamplesPerPixel=3, syntax=uid.JPEGBaseline8Bit)
    ),
    "JPEG 2000 of YBR_RCT": (
        encapsulate([imagecodecs.jpeg2k_encode(RGB, mct=True, reversible=True, codecformat="j2k")]),
        dict(SamplesPerPixel=3, syntax=uid.JPEG2000Lossless),
    ),
    "JPEG 2000 of YBR_ICT": (
        encapsulate([imagecodecs.jpeg2k_encode(RGB, level=50, mct=True, codecformat="j2k")]),
        dict(SamplesPerPixel=3, syntax=uid.JPEG2000),
    ),
    "JPEG-LS of RGB": (
        encapsulate([imagecodecs.jpegls_encode(RGB)]),
        dict(SamplesPerPixel=3, syntax=uid.JPEGLSLossless),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_those_that_were_put_in(name: str, tmp_path: Path) -> None:
    pixels, tags = COLOURS[name]
    space = name.rpartition(" ")[2] if name != "planes" else "RGB"
    path = write(tmp_path / "a.dcm", pixels, PhotometricInterpretation=space, **tags)
    (found,) = shown(path)
    assert found.shape == RGB.shape
    assert np.abs(found.astype(int) - RGB).mean() < (5 if "422" in name else 2.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.abs(found.astype(int) - itk(path).reshape(RGB.shape)).mean() < 1.5


def test_rle_of_ybr_is_rgb(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", ybr(RGB), PhotometricInterpretation="YBR_FULL")
    data = pydicom.dcmread(path)
    data.compress(uid.RLELossless)
    data.save_as(path)
    assert np.abs(shown(path)[0].astype(int) - RGB).max() <= 2


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_becomes_its_colours(bits: int, tmp_path: Path) -> None:
    indices = soft(2, top=199)
    colours = np.random.default_rng(0).integers(0, 256, (200, 3))
    tags = dict(PhotometricInterpretation="PALETTE COLOR")
    for number, name in enumerate(("Red", "Green", "Blue")):
        values = colours[:, number] * (257 if bits == 16 else 1)
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [200, 0, bits]
        kind = np.uint16 if bits == 16 else np.uint8
        tags[f"{name}PaletteColorLookupTableData"] = values.astype(kind).tobytes()
    (found,) = shown(write(tmp_path / "a.dcm", indices, **tags))
    if bits == 8:
        assert np.array_equal(found, colours[indices])
    else:  # 16 bits between robust percentiles
        assert np.corrcoef(found.ravel(), colours[indices].ravel())[0, 1] > 0.999


GREY = soft(3, top=4095)
PACKED = {
    "JPEG Lossless": (uid.JPEGLosslessSV1, lambda a: imagecodecs.ljpeg_encode(a, bitspersample=12)),
    "JPEG-LS": (uid.JPEGLSLossless, lambda a: imagecodecs.jpegls_encode(a)),
    "JPEG Extended": (uid.JPEGExtended12Bit, lambda a: imagecodecs.jpeg8_encode(a, level=98, bitspersample=12)),
    "JPEG 2000": (
        uid.JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, reversible=True, codecformat="j2k")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_twelve_bits_in_every_packing(name: str, tmp_path: Path, caplog) -> None:
    syntax, encode = PACKED[name]
    packed = encapsulate([bytes(encode(GREY))])
    path = write(tmp_path / "a.dcm", packed, syntax, BitsAllocated=16, BitsStored=12)
    found = frames(path)
    assert found is not None and not caplog.records
    error = np.abs(found.values[0].astype(int) - GREY)
    assert error.max() == 0 if name != "JPEG Extended" else error.mean() < 4
    # Two decoders of a packing with loss may round in their own ways.
    assert np.abs(found.values.astype(int) - itk(path)).max() <= (
        8 if name == "JPEG Extended" else 0
    )


@pytest.mark.parametrize("stored", [1, 8, 10, 12, 16, 32])
@pytest.mark.parametrize("signed", [False, True])
def test_every_depth(stored: int, signed: bool, tmp_path: Path) -> None:
    if stored == 1:
        if signed:
            pytest.skip("one bit has no sign")
        bits = (soft(4) > 127).astype(np.uint8)
        path = write(
            tmp_path / "a.dcm", np.packbits(bits, bitorder="little").tobytes(), BitsAllocated=1, BitsStored=1
        )  # fmt: skip
        found = frames(path)
        assert found is not None and np.array_equal(found.values[0], bits)
        return
    allocated = 8 if stored == 8 else 16 if stored <= 16 else 32
    top = 2**stored - 1
    values = np.round(soft(5, top=65_535) / 65_535 * top).astype(np.int64) - (
        2 ** (stored - 1) if signed else 0
    )
    words = values.astype(f"u{allocated // 8}")
    if stored < allocated:  # what stands in the bits that are not stored means nothing
        words = (words & top) | (np.arange(words.size).reshape(words.shape) % 7 << stored).astype(
            words.dtype
        )
    path = write(
        tmp_path / "a.dcm", words, BitsAllocated=allocated, BitsStored=stored, PixelRepresentation=int(signed)
    )  # fmt: skip
    found = frames(path)
    assert found is not None and np.array_equal(found.values[0], values)


def test_values_are_hounsfield_units_only_where_the_file_says_so(tmp_path: Path) -> None:
    rescale = dict(RescaleSlope=1, RescaleIntercept=-1024)
    cases = {
        "a CT image": (dict(stored_as=uid.CTImageStorage, Modality="CT", **rescale), True),
        "named": (dict(RescaleType="HU", Modality="CT", **rescale), True),
        "another unit": (dict(stored_as=uid.CTImageStorage, RescaleType="US", Modality="CT", **rescale), False),
        "not rescaled": (dict(stored_as=uid.CTImageStorage, Modality="CT"), False),
        "MR": (dict(Modality="MR", **rescale), False),
        "a screenshot of a CT": (dict(Modality="CT", **rescale), False),
    }  # fmt: skip
    for name, (tags, hounsfield) in cases.items():
        found = frames(write(tmp_path / "a.dcm", GREY, BitsStored=12, **tags))
        assert found is not None and found.hounsfield == hounsfield, name
        rescaled = GREY - 1024.0 if "RescaleSlope" in tags else GREY
        assert np.array_equal(found.values[0], rescaled), name


def test_one_voxel_does_not_decide(tmp_path: Path) -> None:
    pixels = GREY.copy()
    pixels[0, 0] = 32_767
    (found,) = shown(write(tmp_path / "a.dcm", pixels, Modality="MR"))
    (usual,) = shown(write(tmp_path / "b.dcm", GREY, Modality="MR"))
    assert np.abs(found.astype(int) - usual)[1:].max() <= 3


def functional(*slopes: float) -> Sequence:
    """Functional groups with a pixel value transformation each."""
    groups = []
    for slope in slopes:
        item, group = Dataset(), Dataset()
        item.RescaleSlope, item.RescaleIntercept, item.RescaleType = slope, -1000, "HU"
        group.PixelValueTransformationSequence = Sequence([item])
        groups.append(group)
    return Sequence(groups)


def test_an_enhanced_file_is_rescaled_by_its_functional_groups(tmp_path: Path) -> None:
    pixels = np.stack([GREY, GREY[::-1]])
    tags = dict(
        stored_as=uid.EnhancedCTImageStorage, Modality="CT", NumberOfFrames=2, BitsStored=12
    )
    shared = write(tmp_path / "a.dcm", pixels, SharedFunctionalGroupsSequence=functional(2), **tags)
    found = frames(shared)
    assert found is not None and found.hounsfield
    assert np.array_equal(found.values, pixels * 2.0 - 1000)
    each = write(
        tmp_path / "b.dcm", pixels, PerFrameFunctionalGroupsSequence=functional(1, 3), **tags
    )
    found = frames(each)
    assert found is not None and found.hounsfield
    assert np.array_equal(found.values, pixels * np.array([1.0, 3.0])[:, None, None] - 1000)


def test_a_modality_lookup_table_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4096, 0, 16], "OD"
    table.LUTData = ((4095 - np.arange(4096, dtype=np.uint16)) * 3).tobytes()
    path = write(tmp_path / "a.dcm", GREY, BitsStored=12, ModalityLUTSequence=Sequence([table]))
    found = frames(path)
    assert found is not None and np.array_equal(found.values[0], (4095 - GREY.astype(int)) * 3)


@pytest.mark.parametrize(
    "tags",
    [
        dict(PhotometricInterpretation="MONOCHROME1"),
        dict(PresentationLUTShape="INVERSE"),
        dict(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
    ],
)
def test_inverse_files_are_turned_to_bright_on_dark(tags: dict, tmp_path: Path) -> None:
    (usual,) = shown(write(tmp_path / "a.dcm", GREY, BitsStored=12))
    (found,) = shown(write(tmp_path / "b.dcm", GREY, BitsStored=12, **tags))
    assert np.abs(found.astype(int) + usual - 255).max() <= 1


@pytest.mark.parametrize("space", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_does_not_count(space: str, tmp_path: Path) -> None:
    pixels = np.full((H, W), 60_000, np.uint16)
    pixels[8:-8, 8:-8] = soft(6, top=1000)[8:-8, 8:-8] + 100
    tags = dict(PixelPaddingValue=60_000, PhotometricInterpretation=space)
    (found,) = shown(write(tmp_path / "a.dcm", pixels, **tags))
    inside = found[8:-8, 8:-8].astype(int)
    assert inside.max() - inside.min() > 250
    assert (found[:8] == 0).all()


@pytest.mark.parametrize("space", ["ARGB", "CMYK", "YBR_PARTIAL_420", "", "nonsense"])
def test_colours_that_are_not_read_are_refused(space: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", RGB, PhotometricInterpretation=space)
    with pytest.raises(Refused, match=r"a\.dcm: has the colours .*, which are not read"):
        frames(path)


def test_floating_point_pixels_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", GREY)
    data = pydicom.dcmread(path)
    del data.PixelData
    for name in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(data, name)
    data.BitsAllocated = 32
    data.FloatPixelData = (GREY / 7).astype(np.float32).tobytes()
    data.save_as(path)
    found = frames(path)
    assert found is not None and np.array_equal(found.values[0], (GREY / 7).astype(np.float32))


def test_without_pixels_there_is_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", GREY)
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)
    assert frames(path) is None
