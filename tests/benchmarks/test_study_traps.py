"""The study of docs/reproduction.md: from the command to its table on phantoms, and its measures by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.studies.traps import boxes, frozen, masks, published, study
from benchmarks.studies.traps.__main__ import main
from benchmarks.studies.traps.scores import Pair
from lvmmed_backbones.files.outside import Refused
from reports import published as figures


def command(prepared: Path, out: Path, *traps: str, seeds: tuple[str, ...] = ("0", "1")) -> int:
    words = ["run", "--prepared", str(prepared), "--out", str(out), "--traps", *traps]
    return main([*words, "--seeds", *seeds])


def test_a_study_leaves_one_table_and_measures_nothing_twice(
    prepared_root: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(prepared_root, tmp_path, "noise", "slices", "deviation") == 0
    written = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert written == ["traps.csv", "traps.md"]
    before = (tmp_path / "traps.csv").read_text()
    table = pd.read_csv(tmp_path / "traps.csv").set_index("trap")
    assert table.loc["noise", "seeds"] == 2
    noise = table.loc["noise"]
    assert noise["released_mean"] < noise["sound_mean"]
    assert f"{noise['released_mean']:.2f} ±" in (tmp_path / "traps.md").read_text()

    def again(*_: object) -> list[Pair]:
        raise AssertionError("measured again")

    traps = {name: replace(trap, measure=again) for name, trap in study.TRAPS.items()}
    monkeypatch.setattr(study, "TRAPS", traps)
    assert command(prepared_root, tmp_path, "noise", "slices", "deviation") == 0
    assert (tmp_path / "traps.csv").read_text() == before


def test_an_unknown_trap_and_absent_data_are_named_before_anything_is_measured(
    prepared_root: Path, tmp_path: Path, capsys
) -> None:
    assert command(prepared_root, tmp_path / "out", "nois") == 2
    assert "no trap 'nois': did you mean noise?" in capsys.readouterr().err
    assert command(tmp_path, tmp_path / "out", "deviation", "noise") == 2
    assert "kvasir" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


NO_NUMBER = '[{"case": "x", "metric": "", "seed": 0, "released": "a", "sound": 1}]'


@pytest.mark.parametrize("content", ["{}", '[{"case": "x"}]', "[1]", NO_NUMBER])
def test_a_spoilt_result_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "noise-0.json"
    file.write_text(content)
    with pytest.raises(Refused, match=r"noise-0\.json.*is no result of the study"):
        study.read_pairs(file)


def test_differences_are_paired_by_seed() -> None:
    rows = [
        dict(trap="noise", **Pair("x", "dice_2d", seed, 10.0 * seed + 1, 10.0 * seed)._asdict())
        for seed in range(3)
    ]
    row = study.summary(pd.DataFrame(rows)).iloc[0]
    assert (row["difference_mean"], row["difference_std"]) == (1, 0)
    assert row["sound_std"] == pytest.approx(10)
    assert row["published_lead"] == published.gaps().loc["dice_2d", "lead"]


def test_gaps_are_between_methods_of_one_column_of_the_paper() -> None:
    rows = figures.read()
    drive = rows[(rows["table"] == "table2") & (rows["task"] == "drive")]
    drive = drive[drive["protocol"] == "finetune"]["mean"].sort_values(ascending=False)
    (column,) = [
        c for c in published.columns()
        if set(c["task"]) == {"drive"} and set(c["protocol"]) == {"finetune"}
    ]  # fmt: skip
    assert column["mean"].tolist() == drive.tolist()


def test_the_deviation_of_three_trials_is_that_of_a_sample() -> None:
    (dice,) = [p for p in published.deviation(None) if p.metric == "dice_2d"]
    drawn = np.random.default_rng(0).normal(size=3)
    assert dice.sound / dice.released == pytest.approx(drawn.std(ddof=1) / drawn.std())
    (told,) = [p for p in published.deviation(None) if not p.metric]
    assert 0 < told.sound < told.released < 100


def test_an_ellipse_fills_its_tight_box() -> None:
    rows, columns = np.indices((256, 256))
    mask = ((rows - 100) / 30) ** 2 + ((columns - 120) / 50) ** 2 <= 1
    box = boxes._box(mask)
    assert boxes._of_box(mask, box) > 0.98
    assert boxes._of_box(mask, box + np.array([-15, -15, 15, 15])) < 0.8


def test_the_two_3d_ious_of_masks_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four slices: two without anything, one right, one whose class 2 is taken for class 1."""
    truth = np.zeros((4, 2, 2), int)
    truth[2], truth[3] = 1, 2
    prediction = truth.copy()
    prediction[3] = 1
    pairs = ([(prediction, truth)], ("background", "a", "b"))
    monkeypatch.setattr(masks, "_volumes", lambda *_: pairs)
    union, classes = masks.two_3d_ious(Path(), 0)
    assert (union.released, union.sound) == pytest.approx((100, 100))  # the union is right,
    assert classes.sound == pytest.approx(25, abs=1e-3)  # a has 4 of 8 voxels, b none
    a, b = masks.one_class(Path(), 0)
    assert (a.released, b.released) == pytest.approx((50, 0), abs=1e-3)
    assert a.sound == b.sound == classes.sound


def test_a_u_net_s_masks_are_scored_at_both_sizes(
    prepared_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masks, "SIDES", {"kvasir": 32, "hippocampus": 32})
    monkeypatch.setattr(masks, "EPOCHS", {"kvasir": 1, "hippocampus": 1})
    masks._predicted.cache_clear()
    (size,) = masks.size_of_scoring(prepared_root, 0)
    assert size.sound == masks._mean_dice(prepared_root, 0, masks.SOUND)
    assert size.released != size.sound
    masks._predicted.cache_clear()


def test_the_release_s_input_is_the_stretched_image_blue_first(prepared_root: Path) -> None:
    data = masks.dense_images(prepared_root, "kvasir")
    places = data.of("test")[:1]
    image = data.pixels(places[0]).astype(float)
    (seen,) = masks._inputs(data, places, image.shape[0], masks.RELEASED)
    expected = ((image - image.min()) * 255 / (np.ptp(image) + 0.01)).astype(np.uint8)[..., ::-1]
    if image.shape[0] == image.shape[1]:
        np.testing.assert_array_equal(seen.permute(1, 2, 0).numpy(), expected)
    assert seen.max() == 254


def test_training_mode_changes_a_copy_alone(prepared_root: Path) -> None:
    before = {k: v.clone() for k, v in frozen._encoder().module.state_dict().items()}
    batches, drifted = frozen.statistics_in_training_mode(prepared_root, 0)
    after = frozen._encoder().module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert batches.sound == drifted.sound
    assert all(0 <= pair.released <= 100 for pair in (batches, drifted))


def test_the_first_layer_alone_is_drawn_anew() -> None:
    encoder = frozen._encoder()
    other = frozen._redrawn(encoder, ("conv_stem", "bn1"), 0).module.state_dict()
    changed = {k for k, v in encoder.module.state_dict().items() if not torch.equal(v, other[k])}
    assert "network.conv_stem.weight" in changed
    assert all(name.startswith(("network.conv_stem.", "network.bn1.")) for name in changed)
    phantom = frozen._encoder(frozen.PHANTOM, 0)
    redrawn = frozen._redrawn(phantom, ("patch_embed",), 1).module.state_dict()
    weight = "network.patch_embed.proj.weight"
    assert not torch.equal(phantom.module.state_dict()[weight], redrawn[weight])


def test_test_transforms_are_drawn_for_each_image() -> None:
    image = torch.arange(68 * 68, dtype=torch.int32).reshape(68, 68, 1).expand(-1, -1, 3)
    images = (image % 251).to(torch.uint8).expand(16, -1, -1, -1)
    torch.manual_seed(0)
    drawn = frozen._drawn(images)
    assert drawn.shape == (16, 64, 64, 3)
    assert len({tuple(d.flatten().tolist()) for d in drawn}) > 8
    assert torch.equal(frozen._central(images)[0], images[0, 2:66, 2:66])


def test_batchnorm_is_what_training_mode_is_about() -> None:
    layers = [m for m in frozen._encoder().module.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {layer.momentum for layer in layers} == {0.1}  # ResNet-50's
