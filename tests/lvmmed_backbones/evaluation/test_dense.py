"""The dense probe: masks that maps can tell are found, overlap is counted pixel by pixel, what is wrong is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import interpolate

from lvmmed_backbones.evaluation import dense as module
from lvmmed_backbones.evaluation.classification import Split
from lvmmed_backbones.evaluation.dense import dense
from lvmmed_backbones.evaluation.overlap import overlap_scores
from tests.lvmmed_backbones.evaluation.pictures import Squares, squares


def maps_of(data: Squares) -> NDArray[np.float16]:
    """Mean brightness of each 8 x 8 cell, and whether it is middling; and noise."""
    random = np.random.default_rng(0)
    bright = np.stack(data.images).mean(3).reshape(-1, 4, 8, 4, 8).mean((2, 4)) / 255
    noise = random.normal(size=bright.shape)
    return np.stack([bright, np.abs(bright - 0.55), noise], 1).astype(np.float16)


def split_of(data: Squares, seed: int = 0) -> Split:
    return Split(*(data.of(part) for part in ("train", "valid", "test")), seed=seed)


def test_squares_are_found_volume_by_volume() -> None:
    data = squares()
    maps, split = maps_of(data), split_of(data)
    (found,) = dense(maps, data, 3, [split])
    counts = found.count(maps[split.test], split.test, data)
    assert list(counts) == ["v6", "v7", "v8"]
    scores = [overlap_scores(count, data.classes) for count in counts.values()]
    assert min(score["dice"] for score in scores) > 0.6
    assert found.valid_dice > 0.6


def test_overlap_is_counted_pixel_by_pixel() -> None:
    data = squares()
    data.masks[40][:5] = 255
    maps, split = maps_of(data), split_of(data)
    (found,) = dense(maps, data, 3, [split])
    counts = found.count(maps[split.test], split.test, data)
    for volume in ("v6", "v7", "v8"):
        dice, iou = [], []
        for label in (1, 2):
            both = predicted = true = 0
            for place in split.test:
                if data.cases[place] != volume:
                    continue
                cells = torch.tensor(maps[place].astype(np.float32))
                logits = torch.einsum("dhw,dc->chw", cells, found.weights)
                logits = logits + found.biases[:, None, None]
                labels = interpolate(logits[None], (32, 32), mode="bilinear")[0].argmax(0)
                for guess, truth in zip(labels.ravel(), data.mask(place).ravel(), strict=True):
                    if truth != 255:
                        both += bool(guess == label and truth == label)
                        predicted += bool(guess == label)
                        true += bool(truth == label)
            dice.append(2 * both / (predicted + true))
            iou.append(both / (predicted + true - both))
        scores = overlap_scores(counts[volume], data.classes)
        assert scores["dice"] == pytest.approx(np.mean(dice))
        assert scores["iou"] == pytest.approx(np.mean(iou))
        assert scores["dice/half"] == pytest.approx(dice[1])


def test_the_classifier_is_scikit_learns_on_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLERANCE", 1e-8)
    data = squares()
    maps, split = maps_of(data), split_of(data)
    (found,) = dense(maps, data, 3, [split], penalties=[1e-3], adjustments=[0.0])
    cells = maps[split.train].transpose(0, 2, 3, 1).reshape(-1, 3).astype(float)
    labels = np.stack([data.mask(place)[::8, ::8] for place in split.train]).ravel()
    scaler = StandardScaler().fit(cells)
    reference = LogisticRegression(C=1 / (1e-3 * len(cells)), tol=1e-10, max_iter=5000)
    expected = reference.fit(scaler.transform(cells), labels).predict_proba(scaler.transform(cells))
    logits = torch.tensor(cells).float() @ found.weights + found.biases
    np.testing.assert_allclose(logits.softmax(1), expected, atol=1e-4)


def test_a_seed_draws_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", 100)
    data = squares()
    one, again, other = dense(
        maps_of(data), data, 3, [split_of(data), split_of(data), split_of(data, 1)]
    )
    assert torch.equal(one.weights, again.weights)
    assert not torch.equal(one.weights, other.weights)


def test_masks_of_other_sizes_and_pixels_that_are_ignored() -> None:
    data = squares(54, 1)
    for place in range(54):
        data.masks[place] = np.kron(data.masks[place], np.ones((12, 11), np.uint8))
    data.masks[0][:] = 255  # a training image without any label
    data.masks[50][:, :100] = 255
    maps, split = maps_of(data), split_of(data)
    (found,) = dense(maps, data, 3, [split])
    counts = found.count(maps[split.test], split.test, data)
    assert counts["v50"][2].sum() == 384 * 252
    assert len(counts) == len(split.test)
    assert found.valid_dice > 0.6


def test_rare_classes_are_found_by_adjusted_logits() -> None:
    data = squares()
    maps, split = maps_of(data), split_of(data)
    maps[:, :2] += np.random.default_rng(1).normal(size=maps[:, :2].shape) * 0.25
    (plain,) = dense(maps, data, 3, [split], adjustments=[0.0])
    (chosen,) = dense(maps, data, 3, [split])
    assert chosen.adjustment > 0
    assert chosen.valid_dice > plain.valid_dice


def test_what_cannot_be_learnt_is_named() -> None:
    data = squares()
    maps, split = maps_of(data), split_of(data)
    wrong = replace(data, masks=[mask.copy() for mask in data.masks])
    wrong.masks[3][0, 0] = 7
    with pytest.raises(ValueError, match=r"v0: .* has the label 7, but there are 3 classes"):
        dense(maps, wrong, 3, [split])
    empty = replace(data, masks=[np.zeros_like(mask) for mask in data.masks])
    with pytest.raises(ValueError, match="all 18 training masks hold class 0 alone"):
        dense(maps, empty, 3, [split])
    ignored = replace(data, masks=[np.full_like(mask, 255) for mask in data.masks])
    with pytest.raises(ValueError, match="all pixels of 18 training masks are ignored"):
        dense(maps, ignored, 3, [split])
