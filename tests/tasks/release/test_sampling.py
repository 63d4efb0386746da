"""Which slices are trained on: those with the class, and as many draws from the others."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.release.sampling import LabelledSlices

MASKS = st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=12)


class Masks:
    """A data set of masks, each with a set of labels."""

    def __init__(self, folder: Path, masks: list[set[int]]) -> None:
        self.paths = [folder / f"{n}.png" for n in range(len(masks))]
        for path, labels in zip(self.paths, masks, strict=True):
            cv2.imwrite(str(path), np.array([sorted(labels)], np.uint8))

    def __len__(self) -> int:
        return len(self.paths)

    def get_data_info(self, index: int) -> dict[str, str]:
        return dict(seg_map_path=str(self.paths[index]))


@settings(deadline=None, max_examples=40)
@given(MASKS, st.sampled_from([None, 2]), st.integers(0, 5))
def test_every_labelled_slice_is_taken_once_and_as_many_of_the_others_are_drawn(
    masks: list[set[int]], label: int | None, seed: int
) -> None:
    have = {n for n, m in enumerate(masks) if (len(m) == 2 if label is None else label in m)}
    others = set(range(len(masks))) - have
    with tempfile.TemporaryDirectory() as folder:
        dataset = Masks(Path(folder), masks)
        if not have:
            with pytest.raises(
                ValueError, match=r"no mask of the \d+ training images has"
            ) as caught:
                LabelledSlices(dataset, label, seed)
            assert "\n" not in str(caught.value) and folder in str(caught.value)
            return
        sampler = LabelledSlices(dataset, label, seed)
    taken = list(sampler)
    assert len(taken) == len(sampler) == (2 if others else 1) * len(have)
    assert sorted(n for n in taken if n in have) == sorted(have)
    sampler.set_epoch(1)
    assert sorted(sampler) == sorted(taken), "the draw is of the run"


def test_the_others_are_drawn_with_replacement_anew_for_each_run_and_shuffled_each_epoch(
    tmp_path: Path,
) -> None:
    dataset = Masks(tmp_path, [{0, 2}] * 20 + [{0}] * 30)
    samplers = [LabelledSlices(dataset, 2, seed) for seed in range(20)]
    drawn = [sorted(n for n in sampler if n >= 20) for sampler in samplers]
    assert all(len(draw) == 20 for draw in drawn)
    assert len({tuple(draw) for draw in drawn}) == 20
    # 20 draws of 30 with replacement: (1 - 1 / 30) ** 20 of them, 51 %, are left out; without replacement a third.
    assert np.mean([len(set(draw)) for draw in drawn]) == pytest.approx(
        30 * (1 - (29 / 30) ** 20), abs=1
    )
    again = LabelledSlices(dataset, 2, 3)
    assert list(again) == list(samplers[3])
    again.set_epoch(1)
    assert list(again) != list(samplers[3])
