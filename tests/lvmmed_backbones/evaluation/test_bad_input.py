"""What is wrong is said in one line with its remedy, and what was cached before stays whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.evaluation import LabelledImages, Resize, evaluate
from lvmmed_backbones.evaluation.store import KEYS
from tests.lvmmed_backbones.evaluation.pictures import Grid, greys, squares


class Says(nn.Module):
    """Whatever a function makes of the grid."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function, self.grid = function, Grid()

    def forward(self, images: Tensor) -> Any:
        return self.function(self.grid(images))


def nan_for_the_brightest(maps: Tensor) -> Tensor:
    return torch.where(maps[:, :1] > 0.6, torch.nan, maps)


def bright_image_fails(image: np.ndarray) -> Tensor:
    if image.mean() > 140:
        raise KeyError("too bright")
    return Resize(16)(image)


GREY = greys()
ONE_CLASS = replace(GREY, labels=np.zeros(90, int), classes=["dark"])
LACKING = replace(GREY, labels=np.where(GREY.parts == "train", GREY.labels % 2, GREY.labels))
CASES: dict[str, tuple[Any, LabelledImages, dict[str, Any], str]] = {
    "NaN": (
        Says(nan_for_the_brightest),
        GREY,
        {},
        "Says gives NaN or infinity for .*: see its weights",
    ),
    "constant": (
        Says(lambda maps: maps * 0),
        GREY,
        {},
        "Says gives all 90 images of grey the same",
    ),
    "tokens": (
        Says(lambda maps: maps.flatten(2)),
        GREY,
        {},
        "Says returned Tensor of shape .* must return",
    ),
    "text": (Says(lambda maps: "text"), GREY, {}, "Says returned str .* must return"),
    "vectors for maps": (
        Says(lambda maps: maps.mean((2, 3))),
        GREY,
        {"probes": ["attentive"]},
        "Says returned .* no maps: return maps",
    ),
    "one class": (Grid(), ONE_CLASS, {}, "grey has one class, 'dark': give at least two"),
    "class without training images": (Grid(), LACKING, {}, "class 'bright' has no training images"),
    "transform": (
        Grid(),
        GREY,
        {"transform": bright_image_fails},
        r"the transform raised KeyError: 'too bright'. The image has shape \(20, 16, 3\)",
    ),
    "corruption": (
        Grid(),
        GREY,
        {"corruptions": ["fog"]},
        "no corruption 'fog': choose a modality",
    ),
    "probe": (
        Grid(),
        GREY,
        {"probes": ["dense"]},
        "grey is for classification, and the probe dense",
    ),
    "no probe": (
        Grid(),
        GREY,
        {"probes": []},
        "give at least one label fraction, and one probe of",
    ),
    "fraction": (Grid(), GREY, {"label_fractions": [2.0]}, r"label fraction 2.0: give a share in"),
    "seeds": (Grid(), GREY, {"seeds": [1, 1]}, "give at least one seed, each once"),
    "layers": (Grid(), GREY, {"layers": 2}, "Grid"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_in_one_line(case: str, tmp_path: Path) -> None:
    network, data, options, words = CASES[case]
    options = {"transform": Resize(16), "seeds": [0], "results": tmp_path / "results", **options}
    with pytest.raises(ValueError, match=words) as caught:
        evaluate(network, data, cache=tmp_path / "cache", batch_size=8, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "results").exists()
    for keys in (tmp_path / "cache").rglob(KEYS):  # what is there is whole
        rows = (keys.parent / "rows.bin").stat().st_size
        assert keys.stat().st_size % 16 == 0 and rows % (keys.stat().st_size // 16) == 0


def test_features_before_a_failure_are_used_again(tmp_path: Path) -> None:
    options: dict[str, Any] = dict(seeds=[0], cache=tmp_path, batch_size=8, probes=["knn"])
    with pytest.raises(ValueError, match="too bright"):
        evaluate(Grid(), GREY, transform=bright_image_fails, **options)
    (record,) = evaluate(Grid(), GREY, transform=Resize(16), **options).records
    (alone,) = evaluate(
        Grid(), GREY, transform=Resize(16), **{**options, "cache": tmp_path / "other"}
    ).records
    assert record.metrics == alone.metrics


def test_maps_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    data = squares(9, 2).stored(tmp_path / "data", "volumes")
    with pytest.raises(ValueError, match=r"Says gives NaN or infinity for \d+\.png"):
        evaluate(Says(nan_for_the_brightest), data, transform=Resize(32), cache=tmp_path / "c")


def test_one_feature_that_is_constant_does_no_harm(tmp_path: Path) -> None:
    # Two of Grid's five channels are constant.
    (record,) = evaluate(
        Grid(), GREY, transform=Resize(16), seeds=[0], probes=["linear"], cache=tmp_path
    ).records
    assert record.metrics["accuracy"] > 0.9


def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    arrays = {
        f"{name}_{what}": np.stack([value[place] for place in GREY.of(part)])
        for name, part in (("train", "train"), ("val", "valid"), ("test", "test"))
        for what, value in (("images", GREY.images), ("labels", GREY.labels))
    }
    np.savez("grey.npz", **arrays)
    Path("net.py").write_text(
        "import torch\nfrom lvmmed_backbones.evaluation import Resize\n"
        "def build():\n    return torch.nn.Flatten(), Resize(4)\n"
        "def nan():\n    return torch.nn.Softplus(torch.nan), Resize(4)\n"
    )
    words = ["--data", "grey.npz", "--cache", "cache", "--results", "results", "--seeds", "0"]
    for wrong, said in (
        (["net.py:build", "--probes", "dense"], "grey is for classification, and the probe dense"),
        (
            ["net.py:build", "--corruptions", "xray", "fog"],
            "no corruption 'fog': choose a modality",
        ),
        (["net.py:nan"], "net:nan gives NaN or infinity for an image of noise"),
        (["net.py:build", "--layers", "3"], "net:build"),
    ):
        assert main(["evaluate", wrong[0], *words, *wrong[1:]]) == 1
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error
    assert not Path("results").exists()
    more = ["--probes", "knn", "few_shot", "--corruptions", "pixelate", "--invariance"]
    assert main(["evaluate", "net.py:build", *words, *more]) == 0
    out = capsys.readouterr().out
    assert "few_shot_5" in out and "changed images" in out
    assert len(list(Path("results").rglob("record.json"))) == 4
