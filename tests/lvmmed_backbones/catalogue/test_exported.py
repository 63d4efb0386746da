"""A file of the catalogue is there whole or not at all: killed, and on a full disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lvmmed_backbones.catalogue.exported import SCHEMA, Facts
from lvmmed_backbones.catalogue.exported import write_backbone as write_file
from lvmmed_backbones.files.writing import DiskFull
from tests.factories import signal_of_child

FACTS = Facts(
    schema=SCHEMA,
    architecture="ResNet-18",
    method="none",
    config={"type": "Backbone", "model_name": "resnet50"},
    channels=(64, 128, 256, 512),
    vector_channels=512,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)


def write(path: Path, value: float, size: int = 1000) -> None:
    write_file(path, {"a": torch.full((size,), value)}, FACTS)


def value(path: Path) -> float:
    return float(load_file(path)["a"].unique())


@pytest.mark.usefixtures("no_hang")
def test_killed_at_any_step_it_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path, step, seen = tmp_path / "mine.safetensors", 1, []
    write(path, 1.0)
    while signal_of_child(lambda: write(path, 2.0), step):
        seen.append(value(path))
        step += 1
        write(path, 1.0)  # what the killed one left goes
        assert os.listdir(tmp_path) == ["mine.safetensors"]
    assert value(path) == 2.0 and set(seen) == {1.0, 2.0}


def test_others_may_read_it_as_any_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(tmp_path / "a.safetensors", 1.0)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o644


def test_a_full_disk_is_one_line(small_disk: Path) -> None:
    path = small_disk / "mine.safetensors"
    write(path, 1.0)
    with pytest.raises(DiskFull) as caught:
        write(path, 2.0, 2**20)
    assert str(caught.value) == f"{path}: not written, the disk is full. Make room, and start again"
    assert value(path) == 1.0 and os.listdir(small_disk) == ["mine.safetensors"]
    write(path, 2.0)
    assert value(path) == 2.0
