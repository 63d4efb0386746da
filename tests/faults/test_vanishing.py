"""Data and weights that vanish, or change, while a driver runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import lvmmed_backbones
from lvmmed_backbones.catalogue.exported import Facts, write_backbone
from tests.faults.folders import checksum, records
from tests.faults.grid import (
    BACKBONES,
    RUNS,
    TASKS,
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    assert_sound,
    run_processes,
)

HOLDS = "its runs fail by name, others go on; put back, the same command does what is missing"


def failures(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("FAILED")]


def data_set(grid: Grid, name: str = "brain_tumor") -> Path:
    """Return the folder of a prepared data set."""
    return grid.work / "prepared" / "phantoms" / name


@pytest.mark.fault("A prepared image vanishes", HOLDS, tries=2)
def test_an_image_vanishes(grid: Grid, whole: Whole) -> None:
    """An image that one data set is trained on, and one that the other is tested on, vanish."""
    lost = {}
    for name, split in (("brain_tumor", "train"), ("fgadr", "test")):
        folder = data_set(grid, name)
        image = folder / "images" / (folder / "splits" / f"{split}.txt").read_text().split()[0]
        lost[image] = image.read_bytes()
        image.unlink()
    driver = grid.start()
    assert_in_order(driver, 1)
    assert f"0 runs done, 0 were done before, {RUNS} failed" in driver.said, driver.said
    for image in lost:
        assert sum(image.name in line for line in failures(driver.said)) == 2, driver.said
    for image, content in lost.items():
        image.write_bytes(content)
    assert_finishes(grid, whole)


@pytest.mark.fault("A prepared data set vanishes while its runs go on", HOLDS)
@pytest.mark.moments(2)
def test_a_data_set_vanishes(grid: Grid, whole: Whole, tmp_path: Path, moment: float) -> None:
    driver = grid.running_at(moment * whole.seconds / 2, run_processes, jobs=1)
    data_set(grid).rename(tmp_path / "away")
    assert driver.wait() in (0, 1), driver.said
    assert_in_order(driver, driver.wait())
    assert all(str(data_set(grid)) in line for line in failures(driver.said)), driver.said
    (tmp_path / "away").rename(data_set(grid))
    assert_finishes(grid, whole)


@pytest.mark.fault("Weights vanish between the plan and a run", HOLDS)
def test_weights_vanish(grid: Grid, whole: Whole) -> None:
    weights = make_weights(grid, 0)
    content = weights.read_bytes()
    mine = dict(backbones=(BACKBONES[0], "mine"), jobs=1)
    driver = grid.running_at(0, run_processes, **mine)
    weights.unlink()
    assert_in_order(driver, 1)
    assert len(failures(driver.said)) == len(TASKS)
    assert all(weights.name in line for line in failures(driver.said)), driver.said
    assert_sound(grid, whole)
    weights.write_bytes(content)
    before = records(grid.results)
    assert_in_order(grid.start(**mine), 0)
    assert before.items() <= records(grid.results).items()


@pytest.mark.fault(
    "Weights are other ones between the plan and a run",
    "no run counts with weights that its identity does not name",
)
def test_weights_change(grid: Grid) -> None:
    weights = make_weights(grid, 0)
    planned = checksum(weights)
    mine = dict(backbones=(BACKBONES[0], "mine"), jobs=1)
    driver = grid.running_at(0, run_processes, **mine)
    make_weights(grid, 1)
    assert_in_order(driver, 1)
    assert len(failures(driver.said)) == len(TASKS)
    assert all(weights.name in line for line in failures(driver.said)), driver.said
    assert not any(planned.encode() in content for _, content in records(grid.results).values())


def make_weights(grid: Grid, seed: int) -> Path:
    """Write the backbone `mine`, a small ResNet with random weights, into the folder of work."""
    torch.manual_seed(seed)
    model = lvmmed_backbones.build(BACKBONES[0], output="maps")
    state = model.state_dict()
    tensors = {own: state[name] for name, own in model.own_names().items()}
    facts = Facts(
        schema=3,
        architecture="ResNet-18, width 0.5",
        method="random",
        config=dict(
            type="Backbone",
            model_name="scaled_resnet",
            depth=18,
            stem_channels=32,
            base_channels=32,
        ),
        channels=(32, 64, 128, 256),
        vector_channels=256,
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
    )
    path = grid.work / "backbones" / "mine.safetensors"
    path.parent.mkdir(exist_ok=True)
    write_backbone(path, tensors, facts)
    return path
