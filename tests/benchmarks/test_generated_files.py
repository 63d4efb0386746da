"""`python -m benchmarks check` and `run`, in this process, on files of which a few bytes are damaged."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import mmengine.config.config
import pytest
import torch
from mmengine.registry import MODELS
from mmengine.runner import EpochBasedTrainLoop
from safetensors.torch import load_file, save_file

from benchmarks import execute, preparation
from benchmarks.__main__ import main
from benchmarks.grid import RunSpec
from benchmarks.runs import Run
from lvmmed_backbones.catalogue.exported import KEY
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from tasks.hooks import LAST
from tests.factories import prepared_run
from tests.spoiling import spoilt_bytes

SMALL = {
    "type": "Backbone",
    "model_name": "scaled_resnet",
    "depth": 18,
    "stem_channels": 4,
    "base_channels": 4,
}
FACTS = {
    "schema": 2, "architecture": "ResNet-18", "method": "mine", "config": SMALL,
    "channels": [4, 8, 16, 32], "vector_channels": 32, "mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder whose data is prepared."""
    folder = tmp_path_factory.mktemp("work")
    assert main(words(folder, "random_vit_tiny", verb="check")) == 0
    return folder


def words(folder: Path, backbone: str, verb: str) -> list[str]:
    return [
        *(verb, "--tasks", "brain_tumor_linear", "--seeds", "0", "--backbones", backbone),
        *("--results", str(folder / "results"), "--work", str(folder / "work")),
    ]


@pytest.mark.slow
def test_a_check_of_generated_weights(work: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    file = tmp_path / "mine.safetensors"
    save_file(MODELS.build(SMALL).state_dict(), file, {KEY: json.dumps(FACTS)})
    content = file.read_bytes()
    rng, header = random.Random(0), 8 + int.from_bytes(content[:8], "little")
    planned = 0
    for _ in range(300):
        file.write_bytes(spoilt_bytes(content, rng, header))
        code = main(words(work, "mine", verb="check"))
        lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert "Traceback (most recent call last):" not in lines
        if code == 0:
            planned += 1
            assert not errors and all(torch.isfinite(v).all() for v in load_file(file).values())
        else:
            (line,) = errors
            assert code == 2 and str(file) in line and line.isprintable()
    assert 50 < planned < 250


ODD = [None, [], {}, "x", -1, 0.5, float("nan"), 10**30, True, torch.zeros(0), {"x": [1]}]


class Reached(Exception):
    """Raised at the moment when the run would begin to train."""


@pytest.fixture
def stopped(work: Path, tmp_path: Path, monkeypatch) -> Run:
    """A run by epochs that has a checkpoint and no record; it stops before its first step."""

    def stop(self) -> None:
        raise Reached

    def save(self) -> None:
        self.runner.save_checkpoint(self.runner.work_dir, LAST, by_epoch=False)
        raise Reached

    spec = RunSpec("brain_tumor_linear", "random_vit_tiny", "paper", 0)
    run = prepared_run(spec, preparation.prepare(["brain_tumor"], None, work / "work"), tmp_path)
    run.folder.mkdir(parents=True)
    monkeypatch.setattr(EpochBasedTrainLoop, "run", save)
    with pytest.raises(Reached):
        execute.train_and_test(copy.deepcopy(run))
    monkeypatch.setattr(EpochBasedTrainLoop, "run", stop)
    # Half the time of a beginning is the layout of the config's text, four times.
    monkeypatch.setattr(mmengine.config.config, "FormatCode", lambda text, **_: (text, False))
    return run


@pytest.mark.parametrize("count", [10, pytest.param(300, marks=pytest.mark.slow)])
def test_a_run_that_goes_on_from_generated_checkpoints(
    count: int, stopped: Run, monkeypatch
) -> None:
    """Resume up to the first step: the states are those of the file, or the error is one line."""
    folder = stopped.folder
    file = folder / LAST
    content, whole = torch.load(file, weights_only=True), file.read_bytes()
    runners: list[CheckedRunner] = []
    from_cfg = CheckedRunner.from_cfg
    monkeypatch.setattr(
        CheckedRunner, "from_cfg", lambda config: runners.append(from_cfg(config)) or runners[-1]
    )
    rng = random.Random(count)
    outcomes = {"right": 0, "refused": 0}
    for number in range(count):
        if number % 2:
            mutant = copy.deepcopy(content)
            part = ("meta", "message_hub", "optimizer", "state_dict")[number // 2 % 4]
            mutant[part][rng.choice(list(mutant[part]))] = rng.choice(ODD)
            torch.save(mutant, file)
        else:
            file.write_bytes(spoilt_bytes(whole, rng))
        try:
            execute.train_and_test(copy.deepcopy(stopped))
        except Refused as error:
            outcomes["refused"] += 1
            assert str(folder) in str(error) and str(error).isprintable()
        except Reached:
            outcomes["right"] += 1
            found = torch.load(file, weights_only=True)
            assert runners[-1].iter == found["meta"]["iter"]
            for name, value in runners[-1].model.state_dict().items():
                assert torch.equal(value, found["state_dict"][name])
        assert not (folder / "record.json").exists()
        runners.clear()
        file.write_bytes(whole)
    assert min(outcomes.values()) > count // 10, outcomes
