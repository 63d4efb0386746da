"""The reader of masks: right from every way to store one, by construction and by other readers, or one line."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images.volumes import Volume
from lvmmed_backbones.layout.reading import read_stored, refuse_other_size, whole_numbers
from lvmmed_backbones.layout.writer import write_data_set
from tasks import datasets
from tasks.download.masks import label_map, read_mask
from tasks.download.volumes import aligned_values, read_labels, read_volume

COUNT = 300  # files of each reader


def blob(rng: np.random.Generator) -> np.ndarray:
    """A mask (H, W) that equals none of its turns and mirror images."""
    height, width = rng.integers(5, 30, 2)
    mask = rng.random((height, width)) < 0.5
    mask[0, :2], mask[1, 0] = (True, True), False
    mask[-1, -2:], mask[0, -1], mask[-1, 0] = False, False, False
    return mask


def paletted(mask: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(mask.astype(np.uint8), "L")
    image.putpalette([value for colour in colours for value in colour])
    return image


# Ways to store a mask: how it is saved, and what must come out: None for the mask itself, else what is said.

Way = tuple[Callable[[np.ndarray, Path], None], str, str | None]


def saved(make: Callable[[np.ndarray], np.ndarray | Image.Image], **options):
    def save(mask: np.ndarray, path: Path) -> None:
        made = make(mask)
        image = made if isinstance(made, Image.Image) else Image.fromarray(made)
        image.save(path, **options)

    return save


def grey(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * 255


def rgb(mask: np.ndarray) -> np.ndarray:
    return np.repeat(grey(mask)[..., None], 3, axis=2)


def with_alpha(mask: np.ndarray, alpha: np.ndarray | int) -> np.ndarray:
    return np.dstack([rgb(mask), np.broadcast_to(np.uint8(alpha), mask.shape)])


def turned(mask: np.ndarray, path: Path) -> None:
    """Stored on its side; the file says how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(grey(mask))).save(path, exif=exif)


def several(mask: np.ndarray, path: Path) -> None:
    frame = Image.fromarray(grey(mask))
    frame.save(path, save_all=True, append_images=[Image.fromarray(grey(~mask))])


GREYS = [(0, 0, 0), (255, 255, 255)]
WAYS: dict[str, Way] = {
    "1 bit": (saved(lambda m: Image.fromarray(m)), ".png", None),
    "8 bit": (saved(grey), ".png", None),
    "of 0 and 1": (saved(lambda m: m.astype(np.uint8)), ".png", None),
    "16 bit": (saved(lambda m: m.astype(np.uint16) * 65535), ".png", None),
    "16 bit of 0 and 255": (saved(lambda m: m.astype(np.uint16) * 255), ".png", None),
    "16 bit TIFF": (saved(lambda m: m.astype(np.uint16)), ".tif", None),
    "32 bit TIFF": (saved(lambda m: m.astype(np.int32) * 255), ".tif", None),
    "float TIFF": (saved(lambda m: m.astype(np.float32)), ".tif", None),
    "BMP": (saved(grey), ".bmp", None),
    "GIF": (saved(grey), ".gif", None),
    "GIF of two greys": (saved(lambda m: paletted(m, GREYS)), ".gif", None),
    "palette": (saved(lambda m: paletted(m, GREYS)), ".png", None),
    "palette, index 0 white": (saved(lambda m: paletted(~m, GREYS[::-1])), ".png", None),
    "palette, black and red": (saved(lambda m: paletted(m, [(0, 0, 0), (200, 0, 0)])), ".png", None),
    "grey as RGB": (saved(rgb), ".png", None),
    "opaque alpha": (saved(lambda m: with_alpha(m, 255)), ".png", None),
    "on its side": (turned, ".png", None),
    "on its side, TIFF": (turned, ".tif", None),
    "alpha": (saved(lambda m: with_alpha(m | True, grey(m))), ".png", "in the alpha channel"),
    "alpha beside": (saved(lambda m: with_alpha(m, 128)), ".png", "in the alpha channel"),
    "grey with alpha": (
        saved(lambda m: np.dstack([grey(m), grey(~m)])), ".png", "in the alpha channel",
    ),
    "transparent index": (
        saved(lambda m: paletted(m, GREYS), transparency=0), ".png", "in the alpha channel",
    ),
    "transparent grey": (saved(grey, transparency=255), ".png", "in the alpha channel"),
    "palette of colours": (
        saved(lambda m: paletted(m, [(10, 0, 0), (200, 0, 0)])), ".png", "painted in 2 colours",
    ),
    "colours": (
        saved(lambda m: np.dstack([grey(m), grey(~m), grey(m)])), ".png", "is coloured",
    ),
    "CMYK": (saved(lambda m: Image.fromarray(rgb(m)).convert("CMYK")), ".tif", "image of CMYK"),
    "frames, GIF": (several, ".gif", "holds 2 images"),
    "frames, TIFF": (several, ".tif", "holds 2 images"),
    "128": (saved(lambda m: m.astype(np.uint8) * 128), ".png", r"the values \[0, 128\]"),
    "no zero": (saved(lambda m: m.astype(np.uint8) * 254 + 1), ".png", r"the values \[1, 255\]"),
    "16 bit of 256": (saved(lambda m: m.astype(np.uint16) * 256), ".png", r"values \[0, 256\]"),
    "three values": (
        saved(lambda m: np.where(m, 255, np.arange(m.shape[1]) % 2).astype(np.uint8)), ".png",
        r"the values \[0, 1, 255\]",
    ),
    "negative": (saved(lambda m: -m.astype(np.int32)), ".tif", r"the values \[-1, 0\]"),
    "fractions": (saved(lambda m: m * np.float32(0.999)), ".tif", "the value 0.999, which is no"),
    "not a number": (saved(lambda m: np.where(m, np.float32("nan"), 0)), ".tif", "the value nan"),
    "JPEG": (saved(grey, quality=60), ".jpg", "has the values"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_generated_mask_is_read_right_or_refused(way: str, tmp_path: Path) -> None:
    save, suffix, said = WAYS[way]
    rng = np.random.default_rng(len(way))
    for number in range(max(8, COUNT // len(WAYS))):
        mask, path = blob(rng), tmp_path / f"{number}{suffix}"
        save(mask, path)
        if said is None:
            assert np.array_equal(read_mask(path), mask)
            continue
        with pytest.raises(Refused, match=said) as error:
            read_mask(path)
        assert str(error.value).startswith(f"{path}: ") and str(error.value).isprintable()


def test_masks_as_opencv_reads_them(tmp_path: Path) -> None:
    """300 grey masks of random values and depth, against a reader that shares nothing with Pillow."""
    rng, path = np.random.default_rng(0), tmp_path / "a.png"
    for _ in range(COUNT):
        values = rng.choice([0, 1, 2, 128, 255, 256, 65535], rng.integers(1, 4), replace=False)
        depth = np.uint16 if values.max() > 255 or rng.random() < 0.3 else np.uint8
        stored = rng.choice(values, rng.integers(2, 9, 2)).astype(depth)
        cv2.imwrite(str(path), stored)
        theirs = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(read_stored(path), theirs)
        found = set(np.unique(theirs).tolist())
        if len(found - {0}) <= 1 and found <= {0, 1, 255, 65535}:
            assert np.array_equal(read_mask(path), theirs > 0)
        else:
            with pytest.raises(Refused, match="has the values"):
                read_mask(path)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_masks_of_lossy_files_have_a_threshold(mode: str, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "a.jpg"
    y, x = np.mgrid[:120, :90]
    for quality in (60, 75, 95):
        disc = np.hypot(y - rng.uniform(40, 80), x - rng.uniform(30, 60)) < rng.uniform(15, 30)
        Image.fromarray(grey(disc)).convert(mode).save(path, quality=quality)
        assert (read_mask(path, threshold=127) != disc).mean() < 0.002
    photo = rng.integers(0, 256, (120, 90)).astype(np.uint8)
    Image.fromarray(photo).convert(mode).save(path)
    with pytest.raises(Refused, match="Is it a photograph in place of a mask"):
        read_mask(path, threshold=127)
    Image.fromarray(np.dstack([grey(disc), grey(~disc), grey(disc)])).save(path)
    with pytest.raises(Refused, match="is coloured"):
        read_mask(path, threshold=127)
    Image.fromarray(disc.astype(np.uint16) * 65535).save(tmp_path / "a.png")
    with pytest.raises(Refused, match="has the value 65535"):
        read_mask(tmp_path / "a.png", threshold=127)


def test_photographs_are_no_masks(real_data: Path) -> None:
    """Each of Kvasir-SEG's masks passes, none of its photographs."""
    masks = sorted((real_data / "kvasir-seg" / "masks").glob("*.jpg"))[::10]
    for path in masks:
        read_mask(path, threshold=127)
        with pytest.raises(Refused, match=r"is coloured|photograph"):
            read_mask(real_data / "kvasir-seg" / "images" / path.name, threshold=127)


# Volumes


def grid(rng: random.Random) -> tuple[tuple[int, ...], np.ndarray]:
    """The shape and an oblique affine of a volume."""
    shape = tuple(rng.randint(3, 9) for _ in range(3))
    axis = np.array([rng.gauss(0, 1) for _ in range(3)])
    angle, axis = rng.uniform(0, 0.7), axis / np.linalg.norm(axis)
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([rng.uniform(0.4, 4) for _ in range(3)])
    affine[:3, 3] = [rng.uniform(-150, 150) for _ in range(3)]
    return shape, affine


def reoriented(image: nibabel.Nifti1Image, rng: random.Random) -> nibabel.Nifti1Image:
    axes = rng.sample(range(3), 3)
    return image.as_reoriented([[axis, rng.choice((1, -1))] for axis in axes])


def resampled(labels: Path, image: Path) -> np.ndarray:
    """Labels on an image's grid, by SimpleITK: each voxel takes the nearest."""
    filter_ = SimpleITK.ResampleImageFilter()
    filter_.SetReferenceImage(SimpleITK.ReadImage(str(image)))
    filter_.SetInterpolator(SimpleITK.sitkNearestNeighbor)
    filter_.SetDefaultPixelValue(77)
    found = filter_.Execute(SimpleITK.ReadImage(str(labels)))
    return SimpleITK.GetArrayFromImage(found).transpose()


def test_generated_label_volumes_are_brought_into_line_or_refused(tmp_path: Path) -> None:
    """300 pairs: what is read equals SimpleITK's resampling; what lies elsewhere is refused with both geometries."""
    rng = random.Random(0)
    numbers = np.random.default_rng(0)
    kinds = ("same", "turned", "rounded", "moved", "tilted", "scaled", "cut", "mirrored")
    for number in range(COUNT):
        shape, affine = grid(rng)
        kind = kinds[number % len(kinds)]
        labels = numbers.integers(0, 8, shape).astype(rng.choice(["u1", "i2", "i4", "f4", "f8"]))
        place = affine.copy()
        if kind == "rounded":
            place[:3, 3] = place[:3, 3].round(2)
        elif kind == "moved":
            place[:3, 3] += place[:3, rng.randrange(3)] * rng.choice((-1, 1)) * rng.uniform(0.2, 9)
        elif kind == "tilted":
            place[:3, 0] += 0.2 * place[:3, 1]
        elif kind == "scaled":
            place[:3, rng.randrange(3)] *= rng.choice((0.8, 1.2, 2))
        elif kind == "mirrored":
            place[:3, 0] *= -1  # about its first voxel, not its middle
        elif kind == "cut":
            labels = labels[:, :-1]
        volume = nibabel.Nifti1Image(labels, place)
        if kind in ("turned", "rounded"):
            volume = reoriented(volume, rng)
        image_path, path = tmp_path / "image.nii.gz", tmp_path / f"{number % 8}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.float32), affine), image_path)
        nibabel.save(volume, path)
        image = read_volume(image_path, np.float32)
        if kind in ("same", "turned", "rounded"):
            found = read_labels(path, image, image_path)
            assert np.array_equal(found, labels)
            assert np.array_equal(found, resampled(path, image_path))
            continue
        with pytest.raises(
            Refused, match=r"has the shape .* but image\.nii\.gz has the shape"
        ) as e:
            read_labels(path, image, image_path)
        assert str(e.value).startswith(f"{path}: ") and str(e.value).isprintable()


def test_labels_in_metaimage_lie_like_those_in_nifti(tmp_path: Path) -> None:
    rng = random.Random(2)
    shape, affine = grid(rng)
    labels = np.random.default_rng(2).integers(0, 4, shape).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, affine), tmp_path / "a.nii.gz")
    for name in ("a.mha", "a.nrrd"):
        turned = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(tmp_path / "a.nii.gz")), "PIR")
        SimpleITK.WriteImage(turned, str(tmp_path / name))
        image = read_volume(tmp_path / "a.nii.gz")
        assert np.array_equal(read_labels(tmp_path / name, image, tmp_path / "a.nii.gz"), labels)


@pytest.mark.parametrize("codes", ["identity", "none"])
def test_labels_without_geometry_are_compared_by_shape(codes: str, tmp_path: Path) -> None:
    shape, affine = grid(random.Random(3))
    labels = np.random.default_rng(3).integers(0, 4, shape).astype(np.uint8)
    bare = nibabel.Nifti1Image(labels, np.eye(4) if codes == "identity" else affine)
    if codes == "none":
        bare.header.set_zooms((0.7, 0.8, 2))
        bare.set_sform(None, 0, update_affine=False)
        bare.set_qform(None, 0, update_affine=False)
    path = tmp_path / "a.nii.gz"
    nibabel.save(bare, path)
    image = Volume(np.zeros(shape, np.float32), affine)
    assert np.array_equal(read_labels(path, image, Path("image.nii.gz")), labels)
    turned = Volume(np.zeros((*shape[:2], shape[2] + 1), np.float32), affine)
    with pytest.raises(Refused, match="but image"):
        read_labels(path, turned, Path("image.nii.gz"))


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.full((4, 4), np.nan)])
def test_a_broken_geometry_is_refused(affine: np.ndarray) -> None:
    image = Volume(np.zeros((3, 4, 5)), grid(random.Random(4))[1])
    with pytest.raises(Refused, match=r"a\.nii: has the shape \(3, 4, 5\)"):
        aligned_values(Volume(np.zeros((3, 4, 5)), affine), image, Path("a.nii"), Path("b.nii"))
    with pytest.raises(Refused, match=r"a\.nii: has (the shape|no geometry to compare)"):
        aligned_values(image, Volume(np.zeros((3, 4, 5)), affine), Path("a.nii"), Path("b.nii"))


def test_any_numbers_in_a_geometry_end_in_a_line() -> None:
    """300 pairs of affines with zeros, huge and tiny numbers, and none."""
    rng, odd = np.random.default_rng(0), [0, 1e300, -1e300, 1e-300, np.inf, np.nan, 1e-40, -1]
    for _ in range(COUNT):
        pair = []
        for _ in range(2):
            affine = np.diag([*rng.uniform(0.5, 3, 3), 1])
            affine[:3, 3] = rng.normal(0, 50, 3)
            for _ in range(rng.integers(1, 4)):
                affine[tuple(rng.integers(0, (3, 4)))] = rng.choice(odd)
            pair.append(Volume(rng.random((2, 3, 4)), affine))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = aligned_values(*pair, Path("a.nii"), Path("b.nii"))
            except Refused as error:
                assert str(error).startswith("a.nii: has ") and str(error).isprintable()
            else:
                assert found.shape == (2, 3, 4)


def test_whole_numbers() -> None:
    noisy = np.array([0, 1.0000001, 849.9999, 849.9995], np.float64)
    assert whole_numbers(noisy, Path("a")).tolist() == [0, 1, 850, 850]
    assert whole_numbers(np.array([205, 850]) * np.float32(1.0000001), Path("a")).tolist() == [
        205,
        850,
    ]
    for value in (0.999, 1.5, -0.5, np.nan, np.inf, 1e30):
        with pytest.raises(Refused, match=r"a: has the value .*, which is no whole label"):
            whole_numbers(np.array([0, value]), Path("a"))
    with pytest.raises(Refused, match="has values of complex"):
        whole_numbers(np.zeros(3, complex), Path("a"))


def test_scaled_headers_keep_whole_labels(tmp_path: Path) -> None:
    """A NIfTI header scales by a number of 32 bits: its noise is no fraction, a real one is."""
    image = nibabel.Nifti1Image(np.array([[[0, 205, 850]]], np.int16), np.eye(4))
    for slope, said in ((1.0000001, None), (0.5, "the value 102.5"), (2, None)):
        image.header.set_slope_inter(slope, 0)
        raw = bytearray(image.to_bytes())
        raw[112:120] = np.array([slope, 0], "<f4").tobytes()
        (tmp_path / "a.nii").write_bytes(raw)
        volume = read_volume(tmp_path / "a.nii")
        if said:
            with pytest.raises(Refused, match=said):
                whole_numbers(volume.values, tmp_path / "a.nii")
        else:
            expected = np.array([0, 205, 850]) * round(slope)
            assert (
                whole_numbers(volume.values, tmp_path / "a.nii").ravel().tolist()
                == expected.tolist()
            )


@pytest.mark.parametrize("wrong", [3, 5, -1, 70_000, 2**33])
def test_unknown_labels_are_named(wrong: int) -> None:
    labels = np.zeros((2, 3, 4), np.int64)
    labels[0, 0, 0] = wrong
    with pytest.raises(Refused, match=rf"x: has the unknown labels \[{wrong}\]: expected 0 and"):
        label_map(labels, {1: 1, 2: 2, 4: 3}, Path("x"))


def test_sizes() -> None:
    refuse_other_size(np.zeros((4, 5, 3)), np.zeros((4, 5)), Path("x"))
    for size in ((5, 4), (4, 6), (4, 5, 4)):
        with pytest.raises(Refused, match="x: the mask has the size"):
            refuse_other_size(np.zeros((4, 5, 3)), np.zeros(size), Path("x"))


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.full((4, 4), 2), "has values of 2 to 2"),
        (np.full((4, 4), 257), "has values of 257 to 257"),
        (np.full((4, 4), -1), "has values of -1 to -1"),
        (np.full((4, 4), 0.5), "float64"),
        (np.zeros((4, 4, 3), np.uint8), "the mask has the size"),
    ],
)
def test_the_writer_takes_class_indices_alone(mask: np.ndarray, said: str, tmp_path: Path) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(Refused, match=said), write_data_set(tmp_path / "set") as writer:
        writer.meta.update(kind="segmentation", classes=["background", "x"])
        writer.mask("a", writer.image("a", image), mask, Path("a.png"))
    assert list(tmp_path.iterdir()) == []


# Downloads


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("brats2018", "*/HGG/*/*_flair.nii.gz"),
        ("brats2018", "*/LGG/*/*_seg.nii.gz"),
        ("mmwhs_mri", "*_label.nii.gz"),
        ("prostate", "HK/*_segmentation.nii.gz"),
    ],
)
def test_a_volume_in_another_orientation_makes_no_difference(
    name: str, pattern: str, download, prepared_root: Path, tmp_path: Path
) -> None:
    path = first(download(name), pattern)
    nibabel.save(reoriented(nibabel.load(path), random.Random(name)), path)
    folder = datasets.prepare(name, tmp_path / "in", tmp_path / "out")
    prints = [json.loads((f / "meta.json").read_text()) for f in (folder, prepared_root / name)]
    assert prints[0]["fingerprint"] == prints[1]["fingerprint"]


def moved(image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    affine = image.affine.copy()
    affine[:3, 3] += 5
    return nibabel.Nifti1Image(np.asarray(image.dataobj), affine)


def halved(image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(np.asarray(image.dataobj) * np.float32(0.5), image.affine)


@pytest.mark.parametrize(
    ("name", "pattern", "change", "said"),
    [
        ("brats2018", "*/HGG/*/*_t2.nii.gz", moved, "_t1ce.nii.gz has the shape"),
        ("mmwhs_ct", "*_label.nii.gz", moved, "_image.nii.gz has the shape"),
        ("prostate", "BMC/*_segmentation.nii.gz", moved, "Case00.nii.gz has the shape"),
        ("mmwhs_ct", "*_label.nii.gz", halved, "the value .*5, which is no whole label"),
        ("prostate", "BMC/*_segmentation.nii.gz", halved, "the value 0.5, which is no whole"),
    ],
)
def test_a_volume_that_lies_elsewhere_or_has_fractions_is_refused(
    name: str, pattern: str, change, said: str, download, tmp_path: Path
) -> None:
    path = first(download(name), pattern)
    nibabel.save(change(nibabel.load(path)), path)
    with pytest.raises(Refused, match=f"{path.name}: has .*{said}"):
        datasets.prepare(name, tmp_path / "in", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_image_is_no_prostate(download, tmp_path: Path) -> None:
    root = download("prostate")
    path = first(root, "BMC/*_segmentation.nii.gz")
    shutil.copy(root / "BMC" / "Case01.nii.gz", path)
    with pytest.raises(Refused, match=f"{path.name}: has the labels .* expected 0 and one or two"):
        datasets.prepare("prostate", tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "pattern", "said"),
    [
        (
            "jsrt",
            "scratch/fold1/masks/left lung/*.gif",
            r"the size \(7, 9\), its image \(128, 128\)",
        ),
        ("jsrt", "scratch/fold2/masks/right lung/*.gif", r"the size \(7, 9\), its image"),
        ("jsrt", "scratch/fold1/masks/heart/*.gif", "does not shrink|the size"),
    ],
)
def test_masks_of_one_image_have_one_size(
    name: str, pattern: str, said: str, download, tmp_path: Path
) -> None:
    path = first(download(name), pattern)
    Image.new("L", (9, 7)).save(path)
    with pytest.raises(Refused, match=said):
        datasets.prepare(name, tmp_path / "in", tmp_path / "out")


def test_a_photograph_in_place_of_a_mask_is_refused(download, tmp_path: Path) -> None:
    root = download("kvasir")
    path = first(root, "masks/*.jpg")
    Image.open(root / "images" / path.name).convert("L").save(path)
    with pytest.raises(Refused, match=rf"{path.name}: .* Is it a photograph in place of a mask"):
        datasets.prepare("kvasir", tmp_path / "in", tmp_path / "out")
