"""From a mask to a prompt: each rule of the release beside the sound one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvmmed_backbones.files.outside import Refused
from tasks.prompt.images import low_resolution
from tasks.prompt.transforms import PromptByBox, PromptedImages
from tests.tasks.prompt.building import prepared_image

RELEASED = dict(tight_at="low", empty="random", compare_at="low")


def results(folder: Path, mask: np.ndarray, name: str = "a", slices: int = 1) -> dict[str, Any]:
    path = prepared_image(folder, mask.shape, name)
    return dict(img_path=str(path), seg_map_path=f"{name}.png", gt_seg_map=mask, slices=slices)


def blob(height: int = 300, width: int = 500) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[120:180, 200:330] = 3
    mask[150:160, 100:120] = 1
    return mask


def released_box(mask: np.ndarray) -> list[float]:
    """Tight box of mask > 0 at 256 px, first and last row and column; times 4."""
    rows, columns = np.where(low_resolution(mask, 1024) > 0)
    return [4.0 * v for v in (columns.min(), rows.min(), columns.max(), rows.max())]


@pytest.mark.parametrize("seed", [0, None])
def test_the_release_s_box_is_tight_at_256_and_moves_by_up_to_76_pixels_of_1024(
    tmp_path: Path, seed: int | None
) -> None:
    pytest.importorskip("segment_anything")
    mask = blob()
    transform = PromptByBox(seed=seed, slices_as_height=seed is not None, **RELEASED)
    boxes = []
    for number in range(60):
        packed = transform.transform(results(tmp_path, mask, f"{number}"))
        boxes.append(packed["box"])
        assert (packed["gt_seg_map"] == low_resolution(mask, 1024)).all() and not packed["drawn"]
    moved = np.abs(np.array(boxes) - released_box(mask))
    assert (moved % 4 == 0).all() and 60 <= moved.max() <= 76
    assert len({tuple(box) for box in boxes}) > 50


def test_without_noise_the_sound_box_is_tight_around_the_mask_itself(tmp_path: Path) -> None:
    mask = blob()
    packed = PromptByBox(noise=0, compare_at="mask").transform(results(tmp_path, mask))
    expected = np.array([100 / 500, 120 / 300, 329 / 500, 179 / 300]) * 1024
    assert packed["box"] == pytest.approx(expected)
    assert (packed["gt_seg_map"] == mask).all()
    # Twice the pixels, twice the box: no seed, no state.
    assert PromptByBox(noise=0).transform(results(tmp_path, mask))["box"] == packed["box"]


def test_a_structure_that_256_pixels_lose_has_a_box_in_the_sound_recipe(tmp_path: Path) -> None:
    mask = np.zeros((3000, 3000), np.uint8)
    mask[1, 1] = 1
    assert not low_resolution(mask, 1024).any()
    assert PromptByBox(noise=0).transform(results(tmp_path, mask))["box"] is not None
    assert PromptByBox(tight_at="low").transform(results(tmp_path, mask))["box"] is None


def test_an_empty_mask_is_skipped_or_has_a_random_box(tmp_path: Path) -> None:
    empty = np.zeros((50, 50), np.uint8)
    packed = PromptByBox().transform(results(tmp_path, empty))
    assert packed["box"] is None and not packed["drawn"]
    drawn = [
        PromptByBox(seed=seed, **RELEASED).transform(results(tmp_path, empty)) for seed in range(80)
    ]
    assert all(packed["drawn"] for packed in drawn)
    boxes = np.array([packed["box"] for packed in drawn])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= 4096).all()
    beyond = (boxes.max(1) >= 1024) | (boxes.min(1) < 0)
    assert 0.5 < beyond.mean() < 1


def test_noise_with_a_seed_is_the_same_each_time_and_other_for_each_image_and_seed(
    tmp_path: Path,
) -> None:
    mask = blob()

    def boxes(seed: int | None) -> list[tuple]:
        transform = PromptByBox(seed=seed)
        return [transform.transform(results(tmp_path, mask, name))["box"] for name in "abc"]

    assert boxes(1) == boxes(1) != boxes(2)
    assert len(set(boxes(1))) == 3
    assert boxes(None) != boxes(None), "in training each time another"
    np.random.seed(3)
    first = boxes(None)
    np.random.seed(3)
    assert boxes(None) == first, "but equal after the same seed"


@pytest.mark.parametrize("slices", [1, 20, 256, 274, 297, 500])
def test_boxes_of_a_volume_of_more_than_256_slices_are_too_small_as_released(
    tmp_path: Path, slices: int
) -> None:
    pytest.importorskip("segment_anything")
    mask = blob()
    right = PromptByBox(noise=0, **RELEASED).transform(results(tmp_path, mask))["box"]
    transform = PromptByBox(noise=0, slices_as_height=True, **RELEASED)
    box = transform.transform(results(tmp_path, mask, slices=slices))["box"]
    factor = 4 if slices <= 256 else 1024 / slices
    # SAM rounds the longer and the shorter side to whole pixels first.
    assert np.array(box) == pytest.approx(np.array(right) / 4 * factor, rel=1 / 512)
    if slices <= 256:
        assert box == right


def test_the_data_set_counts_the_slices_of_each_volume(tmp_path: Path) -> None:
    names = [f"v{volume}/{n:03d}" for volume, length in ((0, 2), (1, 3)) for n in range(length)]
    (tmp_path / "list.txt").write_text("\n".join(names))
    data = PromptedImages(
        ann_file="list.txt",
        data_root=str(tmp_path),
        data_prefix=dict(img_path="images", seg_map_path="masks"),
        img_suffix=".png",
    )
    assert [data.get_data_info(place)["slices"] for place in range(5)] == [2, 2, 3, 3, 3]


def test_pixels_without_a_label_are_no_structure(tmp_path: Path) -> None:
    mask = np.full((40, 40), 255, np.uint8)
    assert PromptByBox().transform(results(tmp_path, mask))["box"] is None
    mask[10:20, 5:9] = 1
    box = PromptByBox(noise=0).transform(results(tmp_path, mask))["box"]
    assert box == pytest.approx(np.array([5, 10, 8, 19]) / 40 * 1024)


def test_a_mask_of_another_size_than_its_image_is_named(tmp_path: Path) -> None:
    wrong = results(tmp_path, blob()) | dict(gt_seg_map=np.zeros((300, 400), np.uint8))
    with pytest.raises(Refused, match=r"a\.png: has 400 x 300 pixels, its image 500 x 300.*again"):
        PromptByBox().transform(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(scale=(512, 256)), r"scale=\(512, 256\): SAM sees a square"),
        (dict(empty="point"), "empty='point': choose 'skip' or 'random'"),
        (dict(tight_at="high"), "tight_at='high': choose 'mask' or 'low'"),
        (dict(compare_at="high"), "compare_at='high': choose 'low' or 'mask'"),
    ],
)
def test_wrong_words_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PromptByBox(**options)
