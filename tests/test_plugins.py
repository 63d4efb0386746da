"""A backbone, a task, a data set with its phantom, a profile and a method from outside: files, packages, objects."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lvmmed_backbones import plugins

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = '''
"""Everything that a plugin may bring, in one file."""

from dataclasses import replace

import lvmmed_backbones
import tasks
from benchmarks import profiles
from lvmmed_backbones import catalogue
from lvmmed_backbones.models import Backbone
from tasks import datasets, phantoms
from tasks.datasets.cards.drive import prepare as prepare_drive
from tasks.phantoms.drive import draw


@lvmmed_backbones.register
class TinyNet(Backbone):
    """A class of a user."""


DATASET = replace(datasets.get("drive"), name="vessels", folder="vessels", title="Vessels")
datasets.prepares(DATASET)(prepare_drive)
phantoms.phantom("vessels")(draw)

tasks.register(FOLDER + "/vessels_task.py")

small = profiles.get("mini")
budget = replace(small.budgets["segmentation"], iterations=2, validations=1, seconds=1.0)
budgets = {**small.budgets, "segmentation": budget}
profiles.register(replace(small, name="instant", budgets=budgets, backbones=("tiny_net",), pretrained={}))

catalogue.register(
    "tiny_net",
    replace(
        catalogue.get("random_resnet18_half"),
        architecture="TinyNet",
        config=dict(
            type="TinyNet", model_name="scaled_resnet", depth=18, stem_channels=8, base_channels=8
        ),
        channels=(8, 16, 32, 64),
        vector_channels=64,
    ),
)
'''
TASK = """
_base_ = ["CONFIGS/drive.py"]
task = dict(name="vessels_task", dataset="vessels")
data = dict(data_root="vessels")
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The file of a plugin, with a task config beside it."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "vessels_task.py").write_text(
        TASK.replace("CONFIGS", str(ROOT / "tasks" / "configs"))
    )
    file = folder / "everything_of_mine.py"
    file.write_text(PLUGIN.replace("FOLDER", repr(str(folder))))
    return file


def call(*words: str | Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stderr[-3000:]
    return done


def test_a_file_brings_all_that_a_run_needs(plugin: Path, tmp_path: Path) -> None:
    words = ("--results", tmp_path / "results", "--work", tmp_path / "work", "--plugins", plugin)
    call(
        "benchmarks",
        "run",
        "--profile",
        "instant",
        "--tasks",
        "vessels_task",
        "--seeds",
        "0",
        *words,
    )
    (file,) = tmp_path.glob("results/runs/*/record.json")
    record = json.loads(file.read_text())
    assert record["backbone"]["architecture"] == "TinyNet" and record["profile"] == "instant"
    assert (record["task"], record["dataset"]) == ("vessels_task", "vessels")
    leaders = call("reports", "leaderboard", tmp_path / "results")
    assert "tiny_net" in leaders.stdout


@pytest.mark.slow
def test_every_command_line_takes_plugins(plugin: Path, tmp_path: Path) -> None:
    assert "tiny_net" in call("lvmmed_backbones", "list", "--plugins", plugin).stdout
    assert "Vessels" in call("tasks", "list", "--plugins", plugin).stdout
    out = tmp_path / "phantoms"
    call("tasks", "phantoms", "vessels", "--out", out, "--plugins", plugin)
    call("tasks", "prepare", "vessels", "--data", out, "--out", tmp_path / "p", "--plugins", plugin)
    assert (tmp_path / "p" / "vessels" / "meta.json").is_file()


def test_an_installed_package_is_found_by_its_entry_point(plugin: Path) -> None:
    info = plugin.parent / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lvmmed.plugins]\nmine = everything_of_mine\n")
    listed = call("lvmmed_backbones", "list", PYTHONPATH=str(plugin.parent))
    assert "tiny_net" in listed.stdout
    plugin.write_text("1 / 0\n")
    failed = call("lvmmed_backbones", "list", code=1, PYTHONPATH=str(plugin.parent))
    line = failed.stderr.strip().splitlines()[-1]
    assert "installed package mine: ZeroDivisionError" in line and "uninstall" in line


def test_the_readmes_plugin(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"```python\n(# my_backbone.py.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    file = tmp_path / "my_backbone.py"
    file.write_text(code)
    use = f"""
import torch, lvmmed_backbones
from lvmmed_backbones import catalogue, plugins
plugins.load([{str(file)!r}])
maps = lvmmed_backbones.build("my_net")(torch.zeros(1, 3, 64, 64))
assert tuple(m.shape[1] for m in maps) == catalogue.get("my_net").channels
"""
    subprocess.run([sys.executable, "-c", use], cwd=ROOT, check=True, timeout=120)


def test_errors_name_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "not a name.py").write_text("")
    (tmp_path / "json.py").write_text("")
    (tmp_path / "broken_plugin.py").write_text("import nothing_like_this")
    (tmp_path / "takes_a_name.py").write_text(
        "from lvmmed_backbones import catalogue\n"
        "catalogue.register('random_resnet50', catalogue.get('random_vit_tiny'))\n"
    )
    for name, message in {
        "absent.py": "no such file",
        "not a name.py": "its name must be NAME.py",
        "json.py": "another module called json. Rename",
        "broken_plugin.py": "No module named 'nothing_like_this'. Mend it",
        "takes_a_name.py": "another backbone called random_resnet50. Rename it",
    }.items():
        with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
            plugins.load([tmp_path / name])
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_a_task_may_be_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.grid import combinations
    from tasks import registry

    monkeypatch.setattr(registry, "_registered", {})
    config = registry.get("drive").copy()
    config.task = dict(config.task, name="drive_twice")
    registry.register(config)
    assert "drive_twice" in registry.names() and registry.get("drive_twice") is config
    assert len(combinations(["drive_twice"], ["random_resnet50"], "mini", [0])) == 1
    with pytest.raises(ValueError, match="another task called drive"):
        registry.register(registry.get("drive"))
    with pytest.raises(ValueError, match="it must say task"):
        registry.register(type(config)(dict(model=1)))
