"""`python -m benchmarks` with a folder of results, a catalogue and files of weights that others made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

import reports
from benchmarks.__main__ import main
from benchmarks.grid import RunSpec
from benchmarks.scheduler.local import make_own
from lvmmed_backbones import catalogue
from lvmmed_backbones.files.outside import Refused
from tests.factories import configured
from tests.reports.sharing.building import commit, files

ROOT = Path(__file__).resolve().parents[2]
CODE = "import os\nos.mkdir({harm!r})\n"


def words(folder: Path, *backbones: str, verb: str = "run") -> list[str]:
    return [
        *(verb, "--tasks", "brain_tumor_finetune", "--seeds", "0", "--backbones", *backbones),
        *("--results", str(folder / "results"), "--work", str(folder / "work")),
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results and the work of one run."""
    folder = tmp_path_factory.mktemp("job")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words(folder, "random_vit_tiny")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_what_others_measured_is_not_measured_again(finished: Path, tmp_path: Path) -> None:
    """Their results, shared by git; data prepared anew, and no checkpoint: the run counts as done."""
    shutil.copytree(finished / "results", tmp_path / "others")
    reports.download(commit(tmp_path / "others"), to=tmp_path / "results")
    assert not list(tmp_path.glob("results/**/*.pth"))
    before = files(tmp_path / "results" / "runs")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words(tmp_path, "random_vit_tiny")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "results" / "runs") == before


@pytest.mark.parametrize(
    "name",
    [
        "last_checkpoint",
        pytest.param("last.pth", marks=pytest.mark.slow),
        pytest.param("best_70.pth", marks=pytest.mark.slow),
        pytest.param("config.py", marks=pytest.mark.slow),
    ],
)
def test_a_folder_of_results_runs_no_code(finished: Path, tmp_path: Path, name: str) -> None:
    """mmengine follows last_checkpoint wherever it leads, and runs the config text in what it finds there."""
    folder = tmp_path / "job"
    shutil.copytree(finished, folder)
    (run,) = (folder / "results" / "runs").iterdir()
    record = json.loads((run / "record.json").read_text())
    (run / "record.json").unlink()
    harm = tmp_path / "harm"
    text = CODE.format(harm=str(harm))
    if name == "config.py":
        (run / name).write_text(text)
    else:
        file = run / ("iter_5.pth" if name == "last_checkpoint" else name)
        hub = {"log_scalars": {}, "runtime_info": {"cfg": text}, "resumed_keys": {}}
        meta = {"config": text, "cfg": text, "iter": 1, "epoch": 0, "seed": 0}
        torch.save({"meta": meta, "state_dict": {}, "message_hub": hub, "optimizer": {}}, file)
        if name == "last_checkpoint":
            (run / name).write_text(str(file))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words(folder, "random_vit_tiny")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert not harm.exists()
    assert done.returncode == 0, done.stderr
    again = json.loads((run / "record.json").read_text())
    assert again["metrics"] == record["metrics"]
    assert not list(run.glob("*.pth"))


@pytest.mark.parametrize("kind", ["link", "fifo", "a linked folder"])
def test_a_run_writes_to_its_own_folder(tmp_path: Path, kind: str) -> None:
    run = tmp_path / "runs" / "0"
    if kind == "a linked folder":
        (tmp_path / "elsewhere").mkdir()
        run.parent.mkdir()
        run.symlink_to(tmp_path / "elsewhere")
    else:
        run.mkdir(parents=True)
        path = run / "run.log"
        path.symlink_to(tmp_path / "secret") if kind == "link" else os.mkfifo(path)
    with pytest.raises(Refused, match=r"is a (link|FIFO)"):
        make_own(run)


@pytest.mark.parametrize("fault", ["cut off", "NaN", "another network"])
def test_check_opens_the_weights_before_any_data_is_prepared(
    tmp_path: Path, monkeypatch, capsys, fault: str
) -> None:
    monkeypatch.setenv("LVMMED_HOME", str(tmp_path / "cache"))
    file = tmp_path / "cache" / "weights" / "lvmmed_resnet.torch"
    file.parent.mkdir(parents=True)
    state = resnet18().state_dict()
    if fault == "NaN":
        from torchvision.models import resnet50

        state = resnet50().state_dict()
        state["layer1.0.bn1.weight"][0] = float("nan")
    torch.save(state, file)
    if fault == "cut off":
        file.write_bytes(file.read_bytes()[:-100])
    assert main(words(tmp_path, "lvmmed_resnet50", verb="check")) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    expected = {
        "cut off": "is cut off",
        "NaN": "holds layer1.0.bn1.weight with values that are no numbers",
        "another network": "does not fill",
    }
    assert line.startswith(f"error: {file}: ") and expected[fault] in line
    assert not (tmp_path / "work" / "prepared").exists()


ENTRY = '''
"""A user's own architecture."""
from lvmmed_backbones import Backbone, register
from lvmmed_backbones.catalogue.entry import Entry

@register
class MyNet(Backbone):
    """A ResNet-18 of a quarter of the width."""

ENTRY = Entry(
    architecture="MyNet", method="random", corpus="none", licence="none", source="none",
    config=dict(
        type="MyNet", model_name="scaled_resnet", depth=18, stem_channels=16, base_channels=16
    ),
    channels=(16, 32, 64, 128), vector_channels=128,
)
'''
FRESH = """
import sys
import lvmmed_backbones.catalogue
from mmengine.config import Config
from mmengine.registry import MODELS
lvmmed_backbones.catalogue.entries.__path__.append(sys.argv[2])
print(type(MODELS.build(Config.fromfile(sys.argv[1]).model.backbone)).__name__)
"""


def test_a_class_in_a_catalogue_file_works_in_runs_as_in_python(
    tmp_path: Path, monkeypatch
) -> None:
    """The config of a run names the module, so that the run's own process, and a bare one, know the class."""
    import lvmmed_backbones

    (tmp_path / "my_net.py").write_text(ENTRY)
    monkeypatch.setattr(catalogue.entries, "__path__", [*catalogue.entries.__path__, str(tmp_path)])
    assert type(lvmmed_backbones.build("my_net")).__name__ == "MyNet"
    config = configured(RunSpec("brain_tumor_linear", "my_net", "mini", 0))
    config.dump(tmp_path / "config.py")
    fresh = [sys.executable, "-c", FRESH, tmp_path / "config.py", tmp_path]
    done = subprocess.run(fresh, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("MyNet"), done.stderr


def test_no_key_of_a_config_becomes_code(tmp_path: Path, monkeypatch) -> None:
    """mmengine writes keys into config.py as they are; reading the file again would run them."""
    from safetensors.torch import save_file

    harm = tmp_path / "harm"
    key = f"a': __import__('os').mkdir({str(harm)!r}), 'b"
    facts = dict(
        schema=2, architecture="x", method="x", config={"type": "Backbone", "model_name": "resnet18", key: 1},
        channels=[64, 128, 256, 512], vector_channels=512, mean=[0.0] * 3, std=[1.0] * 3,
    )  # fmt: skip
    save_file(
        resnet18().state_dict(),
        tmp_path / "mine.safetensors",
        {"lvmmed_backbones": json.dumps(facts)},
    )
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    with pytest.raises(Refused, match="which no file may give"):
        configured(RunSpec("brain_tumor_linear", "mine", "mini", 0))
    assert not harm.exists()
