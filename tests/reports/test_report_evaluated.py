"""Records of `lvmmed evaluate`, which has no gallery and no config: every verb reports them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reports.__main__ import main

pytest.importorskip("torch", reason="torch is not installed")

OWN = """\
import torch
from torch import nn
from lvmmed_backbones.evaluation import Resize

class Means(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.weight * torch.nn.functional.adaptive_avg_pool2d(images, 2)

def means():
    return Means(), Resize(32)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of a network of one's own and a random one on images of three greys."""
    import lvmmed_backbones

    folder = tmp_path_factory.mktemp("evaluated")
    (folder / "mine.py").write_text(OWN)
    random = np.random.default_rng(0)
    data = {}
    for part, number in dict(train=60, val=30, test=60).items():
        labels = np.arange(number) % 3
        greys = (
            60 * labels[:, None, None]
            + random.normal(60, 60, (number, 1, 1))
            + random.normal(0, 25, (number, 28, 28))
        )
        data |= {f"{part}_images": greys.clip(0, 255).astype(np.uint8), f"{part}_labels": labels}
    np.savez(folder / "greys.npz", **data)
    lvmmed_backbones.evaluate(
        [f"{folder / 'mine.py'}:means", "random_resnet18_half"],
        folder / "greys.npz",
        seeds=(0, 1),
        size=32,
        workers=0,
        cache=folder / "cache",
        results=folder / "results",
    )
    return folder / "results"


def test_the_leaderboard(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", str(results), "--out", str(tmp_path), "--latex"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "greys" in told and "How sure is the best of each task?" in told
    noted = told.split("other pretrainings: ")[1].split(". ")[0]
    assert "means" in noted and "random" not in noted


@pytest.mark.parametrize("metric", ["auroc", "ece", "brier"])
def test_a_board_of_another_metric(results: Path, tmp_path: Path, metric: str) -> None:
    assert main(["leaderboard", str(results), "--out", str(tmp_path), "--metric", metric]) == 0


def test_there_is_no_board_of_a_setting(results: Path, errors: Callable[..., list[str]]) -> None:
    (problem,) = errors("leaderboard", results, "--metric", "setting")
    assert "--metric setting: it is a setting, no score. Choose from accuracy, auroc," in problem
    assert "setting" not in problem.split("Choose from")[1]


def test_tables(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", str(results), "--out", str(tmp_path), "--columns", "greys"]) == 0
    assert "greys<br>accuracy, linear" in capsys.readouterr().out
    assert main(["tables", str(results), "--out", str(tmp_path)]) == 0


def test_compare(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lvmmed_backbones.records import read

    names = sorted({record.backbone.name for record in read(results)[0]})
    assert main(["compare", str(results), *names]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "On greys (linear), " in told and "say nothing of other pretrainings: " in told


def test_figures(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", str(results), "--out", str(tmp_path)]) == 0
    assert "bars-greys-knn.svg" in capsys.readouterr().out


def test_the_site(results: Path, tmp_path: Path) -> None:
    assert main(["site", str(results), "--out", str(tmp_path / "site")]) == 0
    page = (tmp_path / "site" / "tasks" / "greys.html").read_text()
    assert "One network each" in page and "more than chance?" in page
    assert "One network each" in (tmp_path / "site" / "index.html").read_text()
    assert "One network each" in (tmp_path / "site" / "compare.html").read_text()
