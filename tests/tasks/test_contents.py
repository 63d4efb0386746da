"""What the check sees in images and masks: data sets spoilt on purpose, and none of the sound ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.layout.borders import border, border_fit, outline
from lvmmed_backbones.layout.check import check, read_meta
from lvmmed_backbones.layout.contents import problems_of_contents
from tasks import datasets, phantoms

MASKED = [n for n in phantoms.names() if datasets.get(n).kind in ("segmentation", "volumes")]
SINGLE, SLICED = "isic2018", "mmwhs_mri"  # images, and slices of volumes

Change = Callable[[np.ndarray], np.ndarray]


def files(folder: Path, kind: str) -> list[Path]:
    return sorted(p for p in (folder / kind).rglob("*") if p.is_file())


def change(paths: list[Path], spoil: Change) -> None:
    for path in paths:
        with Image.open(path) as image:
            pixels = np.array(image)
        Image.fromarray(spoil(pixels)).save(path.with_suffix(".png"))
        if path.suffix != ".png":
            path.unlink()


def exchange(folder: Path) -> None:
    """Each image gets the mask of one a third of the data set away."""
    paths = files(folder, "masks")
    masks = [np.array(Image.open(path)) for path in paths]
    for number, path in enumerate(paths):
        other = Image.fromarray(masks[(number + len(masks) // 3) % len(masks)])
        other.resize(masks[number].shape[::-1], Image.Resampling.NEAREST).save(path)


def shifted(down: float, right: float) -> Change:
    return lambda m: np.roll(m, (int(down * m.shape[0]), int(right * m.shape[1])), (0, 1))


def swollen(by: int) -> Change:
    disc = (np.hypot(*np.mgrid[-by : by + 1, -by : by + 1]) <= by).astype(np.uint8)
    return lambda m: cv2.dilate(m, disc)


def found(folder: Path) -> list[str]:
    return problems_of_contents(folder, read_meta(folder))


@pytest.mark.parametrize(
    "spoil",
    [shifted(0.1, 0), shifted(0, 0.2), shifted(0.4, 0), swollen(10)],
    ids=["10 %", "20 %", "40 %", "swollen"],
)
@pytest.mark.parametrize("name", MASKED)
def test_shifted_and_swollen_masks_are_seen(name: str, spoil: Change, prepared) -> None:
    folder = prepared(name)
    change(files(folder, "masks"), spoil)
    assert any("fit the edges of their own images hardly better" in line for line in found(folder))


@pytest.mark.parametrize("name", MASKED)
def test_masks_of_other_images_are_seen(name: str, prepared) -> None:
    folder = prepared(name)
    exchange(folder)
    assert any("Are they shifted, swollen or of other images" in line for line in found(folder))


@pytest.mark.parametrize(
    "name",
    ["buid", *(pytest.param(n, marks=pytest.mark.slow) for n in ("drive", "isic2018", "kvasir"))],
)
def test_spoilt_masks_of_real_downloads_are_seen(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    folder = datasets.prepare(name, real_data, tmp_path)
    assert found(folder) == []
    kept = Path(shutil.copytree(folder / "masks", tmp_path / "kept"))
    for spoil in (shifted(0, 0.2), swollen(10), None):
        shutil.rmtree(folder / "masks")
        shutil.copytree(kept, folder / "masks")
        if spoil is None:
            exchange(folder)
        else:
            change(files(folder, "masks"), spoil)
        assert any("hardly better than borders of other" in line for line in found(folder))
    shutil.rmtree(folder / "masks")
    shutil.copytree(kept, folder / "masks")
    change(files(folder, "masks"), lambda m: 1 - m)
    assert any("Are they inverted or swollen" in line for line in found(folder))


@pytest.mark.parametrize("value", [0, 255, 77])
@pytest.mark.parametrize("name", ["kvasir", "brain_tumor", "vindr", SLICED])
def test_black_and_constant_images_are_seen(name: str, value: int, prepared) -> None:
    folder = prepared(name)
    images = files(folder, "images")
    change(images[:20], lambda image: np.full_like(image, value))
    # MMWHS's phantoms have ten slices: two whole cases.
    count = 2 if name == SLICED else 20
    assert any(f"has {count} black or constant images, such as" in x for x in found(folder))


def test_a_black_slice_counts_where_it_has_labels(prepared) -> None:
    folder = prepared(SLICED)
    image, mask = files(folder, "images")[5], files(folder, "masks")[5]
    change([image], lambda pixels: pixels * 0)
    name = image.relative_to(folder / "images").with_suffix("").as_posix()
    assert any(f"has 1 black or constant images, such as {name}" in x for x in found(folder))
    change([mask], lambda pixels: pixels * 0)
    assert found(folder) == []


def test_noise_is_no_image(prepared) -> None:
    folder = prepared("kvasir")
    rng = np.random.default_rng(0)
    change(files(folder, "images")[:3], lambda x: rng.integers(9, 16, x.shape).astype(np.uint8))
    assert any("has 3 black or constant images" in line for line in found(folder))


def test_masks_without_foreground_or_background_are_seen(prepared) -> None:
    folder = prepared(SINGLE)
    paths = files(folder, "masks")
    change(paths[:2], lambda mask: mask * 0)
    change(paths[2:5], lambda mask: mask * 0 + 1)
    lines = found(folder)
    assert any(f"has 2 cases without foreground, such as {paths[0].stem}" in x for x in lines)
    assert any(f"has 3 masks without background, such as {paths[2].stem}" in x for x in lines)
    assert len(lines) == 2


def test_a_slice_may_be_empty_and_a_volume_may_not(prepared) -> None:
    folder = prepared(SLICED)
    cases = sorted((folder / "masks").iterdir())
    change(files(cases[0], ".")[:9], lambda mask: mask * 0)
    assert found(folder) == []
    change(files(cases[0], "."), lambda mask: mask * 0)
    lines = found(folder)
    assert len(lines) == 1
    assert f"has 1 cases without foreground, such as {cases[0].name}" in lines[0]


def test_masks_that_cover_nearly_everything_are_seen(prepared) -> None:
    folder = prepared(SINGLE)

    def cover(mask: np.ndarray) -> np.ndarray:
        mask[:] = 1
        mask[0, 0] = 0
        return mask

    paths = files(folder, "masks")
    change(paths[:2], cover)
    assert found(folder) == []
    change(paths[:3], cover)
    assert any("has 3 masks that cover more than 95%" in line for line in found(folder))


def test_a_class_that_no_mask_of_a_split_has_is_named(prepared) -> None:
    folder = prepared("jsrt")
    names = (folder / "splits" / "test.txt").read_text().splitlines()
    change([folder / "masks" / f"{n}.png" for n in names], lambda m: np.where(m == 2, 0, m))
    said = f"{folder} has 1 splits without a mask of one of the classes, such as test (heart)"
    assert found(folder) == [said]


def test_a_mask_is_read_as_it_is_stored(prepared) -> None:
    """No scaling: a mask of 16 bits has the class that it has."""
    folder = prepared("drive")
    path = files(folder, "masks")[0]
    Image.fromarray(np.full((80, 80), 300, np.uint16)).save(path)
    assert any(f"{path} has the class 300, but there are 2" in line for line in check(folder))
    Image.new("RGB", (80, 80), (1, 0, 0)).save(path)
    assert any(f"{path}: is coloured" in line for line in check(folder))


@pytest.mark.parametrize("value", ["x", [1], [0.1, "y"], [float("nan"), 1], 3, {"a": 1}])
def test_a_foreground_of_another_form(value: object, prepared) -> None:
    folder = prepared("drive")
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "foreground": value}))
    with pytest.raises(ValueError, match=r"another form than the preparers write.*foreground"):
        check(folder)


def test_borders_by_hand() -> None:
    labels = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
    expected = [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0]]
    assert border(labels).astype(int).tolist() == expected


def test_agreement_of_discs_and_of_discs_elsewhere() -> None:
    """By construction: bright discs, masked by themselves and by the next one."""
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:90, :120]
    discs = [
        np.hypot(y - rng.uniform(20, 70), x - rng.uniform(20, 100)) < rng.uniform(8, 18)
        for _ in range(40)
    ]
    images = [(100 * d + 60 + rng.normal(0, 8, d.shape)).astype(np.uint8) for d in discs]
    masks = [d.astype(np.uint8) for d in discs]
    own = [outline(*pair) for pair in zip(images, masks, strict=True)]
    other = [outline(*pair) for pair in zip(images, masks[1:] + masks[:1], strict=True)]
    assert border_fit([o for o in own if o]) > 3
    assert abs(border_fit([o for o in other if o])) < 0.4
    assert outline(images[0] * 0, masks[0]) is None
    assert outline(images[0], masks[0] * 0) is None
    assert border_fit([]) == 0
