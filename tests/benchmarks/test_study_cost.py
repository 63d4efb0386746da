"""The estimate of docs/reproduction.md: operations by hand, hours by hand, and the command on a phantom."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.studies.cost import pretraining_steps, steps, study
from benchmarks.studies.cost.__main__ import main
from benchmarks.studies.cost.images import images_of
from benchmarks.studies.cost.steps import Cost, Step
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.pretrain import CONFIGS
from tasks import registry
from tests.factories import build_corpus

UNIT = Step(gflop=25.0, seconds=0.5)


def test_operations_are_those_of_the_products() -> None:
    layer, images = nn.Linear(40, 30, bias=False), torch.ones(8, 40, requires_grad=True)
    forward = steps._forward(layer, (8, 40))
    assert forward.gflop == pytest.approx(2 * 40 * 30 / 1e9)
    trained = steps._measured(lambda: layer(images).sum().backward(), 8)
    # Backwards a product for the input and one for the weights.
    assert trained.gflop == pytest.approx(3 * forward.gflop)


def test_a_run_costs_its_epochs_its_validations_and_a_test() -> None:
    cost = Cost(Step(1.0, 10.0), Step(3.0, 30.0), Step(0.5, 5.0), epochs=4)
    row = study._row("kvasir", "suite", "ResNet-50", cost, UNIT)
    images = 1000 * 1 + 4 * (640 * 3 + 160 * 0.5) + 200 * 0.5
    assert row["gpu_hours"] == pytest.approx(images / 25 / study.THROUGHPUT / 3600)
    assert row["cpu_hours"] == pytest.approx(10 * images / 3600)
    assert row["trials"] == 3
    assert study._row("mmwhs_ct", "suite", "ResNet-50", cost, UNIT)["trials"] == 5
    table = pd.DataFrame([row, {**row, "recipe": "release"}])
    total = f"**{3 * row['gpu_hours']:.1f}**"
    assert study.markdown(table).count(total) == 2


@pytest.mark.parametrize("recipe", ["suite", "release"])
def test_every_protocol_of_the_paper_has_numbers_of_images(recipe: str) -> None:
    names = registry.names() if recipe == "suite" else registry.release_names()
    for name in {*names} - {*registry.open_names()}:
        assert min(images_of(registry.get(name, recipe).task.dataset, recipe)[:3]) > 0


def test_a_wrong_name_and_a_wrong_result_are_named(tmp_path: Path, capsys) -> None:
    assert main(["run", "--out", str(tmp_path / "out"), "--tasks", "kvasi"]) == 2
    assert "no task of the paper 'kvasi': did you mean kvasir" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "x.json").write_text('[1, "a"]')
    with pytest.raises(Refused, match=r"x\.json: .*study again"):
        study._known(tmp_path / "x.json", Step, lambda: UNIT)


@pytest.mark.slow
def test_the_command_measures_each_protocol_once(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(study, "NETWORKS", {"ResNet-50": "random_resnet18_half"})
    line = ["run", "--out", str(tmp_path), "--tasks", "brain_tumor_linear", "kvasir"]
    assert main(line) == 0
    table = pd.read_csv(tmp_path / "cost.csv")
    assert [*zip(table["task"], table["recipe"], strict=True)] == [
        (task, recipe) for task in ("brain_tumor_linear", "kvasir") for recipe in ("suite", "release")
    ]  # fmt: skip
    assert (table["gflop_once"] == 0).all() and (table["gflop_training"] > 0).all()
    # The gradients of a frozen network are not computed.
    assert table["gflop_training"][0] == pytest.approx(1.0, abs=0.1), "224 px, half the width"
    before = (tmp_path / "cost.csv").read_text()
    monkeypatch.setattr(study, "cost_of", None)
    assert main(line) == 0
    assert (tmp_path / "cost.csv").read_text() == before


def test_steps_of_pretrainings(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(pretraining_steps, "WARM_UP", 1)
    corpus = build_corpus(tmp_path / "corpus", 24)
    configs = []
    for name in ("simclr", "lvmmed"):
        configs.append(tmp_path / f"{name}.py")
        configs[-1].write_text(
            f"_base_ = {str(CONFIGS / f'{name}_resnet18_mini.py')!r}\n"
            "train_dataloader = dict(batch_size=8)\n"
        )
    line = ["pretraining", "--corpus", str(corpus), "--out", str(tmp_path / "out")]
    line += ["--configs", *map(str, configs), "--steps", "2"]
    assert main(line) == 0
    table = pd.read_csv(tmp_path / "out" / "pretraining.csv")
    assert [Path(config) for config in table["config"]] == configs
    (_, simclr), (_, lvmmed) = table.iterrows()
    assert simclr["solver"] == 0 and 0 < lvmmed["solver"] < lvmmed["step"]
    assert simclr["hours"] == pytest.approx(130e6 * simclr["step"] / 8 / 3600)
    assert simclr["cores"] == pytest.approx(simclr["reading"] * 8 / simclr["step"])
    assert main([*line[:-1], "0"]) == 2 and "--steps 0" in capsys.readouterr().err
    assert main([*line[:5], "--configs", "simclr_resnet18_min"]) == 2
    assert "no config simclr_resnet18_min" in capsys.readouterr().err
