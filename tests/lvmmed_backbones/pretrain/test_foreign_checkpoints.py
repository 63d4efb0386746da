"""Checkpoints of other people in `export` and `pretrain --resume`: data that fits, or one line. In process."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import load_file

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.openmmlab.resumption import last_checkpoint
from lvmmed_backbones.pretrain.hooks import checkpoints

CODE = "import os\nos.mkdir({harm!r})\nmodel = dict(type='SimCLR')\n"


@pytest.fixture(scope="module")
def arguments(corpus: Path) -> list[str]:
    """Of a run of one epoch, 3 steps of 16 images of 32 px."""
    return [
        *("pretrain", "simclr_resnet18_mini", "--corpus", str(corpus), "--cfg-options"),
        *("train_dataloader.batch_size=16", "train_dataloader.num_workers=0"),
        *("train_dataloader.persistent_workers=False", "train_cfg.max_epochs=1"),
        *("train_dataloader.dataset.pipeline.0.crops.0.size=32", "param_scheduler.0.end=1"),
        *("model.backbone.model_name=scaled_resnet", "model.backbone.depth=18"),
        *("model.backbone.stem_channels=8", "model.backbone.base_channels=8"),
        *("model.neck.in_channels=64", "default_hooks.checkpoint.interval=1"),
        *("default_hooks.checkpoint.keep=5", "visualizer.vis_backends=[]"),
    ]


@pytest.fixture(scope="module")
def trained(arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert main([*arguments[:4], "--work-dir", str(folder), *arguments[4:]]) == 0
    assert [file.name for file in checkpoints(folder)] == [f"iter_{n}.pth" for n in (1, 2, 3)]
    return folder


def resume(arguments: list[str], folder: Path) -> int:
    return main([*arguments[:4], "--work-dir", str(folder), "--resume", *arguments[4:]])


def planted(trained: Path, folder: Path, change, step: int = 2) -> Path:
    """A run's folder with one checkpoint of the trained run, changed."""
    content = torch.load(trained / f"iter_{step}.pth", weights_only=True)
    change(content)
    folder.mkdir()
    torch.save(content, folder / f"iter_{step}.pth")
    return folder / f"iter_{step}.pth"


@pytest.mark.parametrize("key", ["cfg", "config"])
def test_the_text_inside_a_checkpoint_is_not_run(
    key: str, trained: Path, arguments: list[str], tmp_path: Path
) -> None:
    """mmengine runs `config` when it resumes; we ran `cfg` when we exported."""
    harm = tmp_path / "harm"

    def plant(content: dict) -> None:
        content["meta"][key] = CODE.format(harm=str(harm))
        content["message_hub"]["runtime_info"]["cfg"] = CODE.format(harm=str(harm))

    file = planted(trained, tmp_path / "run", plant)
    assert main(["export", str(file), "mine", "--out", str(tmp_path)]) == 0
    assert resume(arguments, tmp_path / "run") == 0
    assert (tmp_path / "run" / "iter_3.pth").is_file()
    assert not harm.exists()


def test_a_resumed_run_is_the_whole_run(
    trained: Path, arguments: list[str], tmp_path: Path
) -> None:
    planted(trained, tmp_path / "run", lambda content: None)
    assert resume(arguments, tmp_path / "run") == 0
    one, other = (
        torch.load(folder / "iter_3.pth", weights_only=True)["state_dict"]
        for folder in (trained, tmp_path / "run")
    )
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_an_export_has_the_runs_normalisation(
    arguments: list[str], trained: Path, tmp_path: Path, monkeypatch
) -> None:
    from lvmmed_backbones import catalogue

    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    more = ["data_preprocessor.mean=[1,2,3]", "data_preprocessor.std=[4,5,6]"]
    folder = tmp_path / "run"
    assert main([*arguments[:4], "--work-dir", str(folder), *arguments[4:], *more]) == 0
    assert main(["export", str(folder), "mine", "--out", str(tmp_path)]) == 0
    assert (catalogue.get("mine").mean, catalogue.get("mine").std) == ((1, 2, 3), (4, 5, 6))
    assert main(["export", str(trained), "usual", "--out", str(tmp_path)]) == 0
    assert catalogue.get("usual").mean == (123.675, 116.28, 103.53)


def test_blue_first_is_no_backbone_of_the_catalogue(
    arguments: list[str], tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "run"
    more = [*arguments[4:], "data_preprocessor.to_rgb=False"]
    assert main([*arguments[:4], "--work-dir", str(folder), *more]) == 0
    assert main(["export", str(folder), "mine", "--out", str(tmp_path)]) == 1
    assert "iter_3.pth: was trained on images with blue first" in capsys.readouterr().err


def changed(path: str, value: object):
    """A change of the value at a dotted path; `...` takes it away."""

    def change(content: dict) -> None:
        *folders, last = path.split(".")
        place: object = content
        for part in folders:
            place = place[int(part) if isinstance(place, list) else part]  # type: ignore[index]
        if value is ...:
            del place[last]  # type: ignore[attr-defined]
        else:
            place[last] = value  # type: ignore[index]

    return change


def terms(**more: object):
    """A change of the terms in the origin."""

    def change(content: dict) -> None:
        origin = json.loads(content["meta"]["origin"])
        origin["terms"].update(more)
        content["meta"]["origin"] = json.dumps(origin)

    return change


def spoilt_history(content: dict) -> None:
    buffer = content["message_hub"]["log_scalars"]["train/loss"]
    buffer._log_history = torch.zeros(2)


NOT_RESUMED = {
    "meta": (changed("meta", ...), "has no origin"),
    "no step": (changed("meta.iter", ...), "has the iter None"),
    "a text for a step": (changed("meta.iter", "3"), "has the iter '3'"),
    "another step": (changed("meta.iter", 10**12), "counts 10{12} steps in epoch 0, and 2 in 0"),
    "another epoch": (changed("meta.epoch", 5), "counts 2 steps in epoch 5, and 2 in 0"),
    "a seed": (changed("meta.seed", [1]), r"has the seed \[1\]"),
    "a schedule of texts": (terms(param_scheduler=["x"]), "has a spoilt origin"),
    "a schedule that ends at a text": (
        terms(param_scheduler=[{"end": "x"}]),
        "has a spoilt origin .*its terms are not as a run writes them",
    ),
    "epochs of text": (terms(**{"train_cfg.max_epochs": "x"}), "its terms are not as"),
    "no weights": (changed("state_dict", {}), "differs from the run's model in"),
    "a weight less": (
        lambda c: c["state_dict"].pop("backbone.network.conv1.weight"),
        "in 1 of .* such as backbone.network.conv1.weight",
    ),
    "a weight more": (lambda c: c["state_dict"].update(x=torch.zeros(1)), "in 1 of .* such as x"),
    "another shape": (
        lambda c: c["state_dict"].update({"backbone.network.bn1.bias": torch.zeros(9)}),
        "in 1 of .* such as backbone.network.bn1.bias",
    ),
    "no hub": (changed("message_hub", ...), "has no message_hub"),
    "an empty hub": (changed("message_hub", {}), "has no log_scalars"),
    "a curve of texts": (changed("message_hub.log_scalars", {"a": "b"}), "a curve that is no num"),
    "a spoilt curve": (spoilt_history, "a curve that is no numbers"),
    "no optimizer": (changed("optimizer", ...), "has no optimizer"),
    "another optimizer": (
        lambda c: c["optimizer"]["param_groups"].__setitem__(0, {"lr": 1}),
        r"differs in optimizer.param_groups.0: .*betas",
    ),
    "a rate of text": (
        lambda c: c["optimizer"]["param_groups"][0].update(lr="\x1b[2J"),
        "optimizer.param_groups.0.lr of another kind",
    ),
    "a moment of another shape": (
        lambda c: c["optimizer"]["state"][0].update(exp_avg=torch.zeros(7, 7, 7)),
        "optimizer.state.0.exp_avg that fits no parameter",
    ),
    "a best checkpoint elsewhere": (
        lambda c: c["message_hub"]["runtime_info"].update(best_ckpt="/etc/hostname"),
        "names hostname, which is not in",
    ),
}


@pytest.mark.parametrize(("change", "words"), NOT_RESUMED.values(), ids=NOT_RESUMED)
def test_what_does_not_fit_is_one_line(
    change, words: str, trained: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    file = planted(trained, tmp_path / "run", change)
    assert resume(arguments, tmp_path / "run") == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert line.startswith(f"error: {file}: ") and line.isprintable()
    assert __import__("re").search(words, line), line
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["iter_2.pth"]


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "html", "pickle"])
def test_what_is_no_checkpoint_is_one_line(
    kind: str, arguments: list[str], tmp_path: Path, trained: Path, capsys
) -> None:
    file = tmp_path / "run" / "iter_2.pth"
    file.parent.mkdir()
    if kind == "link":
        file.symlink_to(trained / "iter_2.pth")
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "html":
        file.write_text("<html>")
    else:
        torch.save({"meta": Path}, file)
    assert resume(arguments, file.parent) == 1
    assert main(["export", str(file.parent), "mine", "--out", str(tmp_path)]) == 1
    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert len(lines) == 2 and all(f"error: {file}: " in line for line in lines)
    assert not list(tmp_path.glob("*.safetensors*"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/etc/hostname", "names hostname, which is not in"),
        ("../other/iter_1.pth", "names iter_1.pth, which is not in"),
        ("http://example.org/w.pth", "names w.pth, which is not in"),
        ("", "names '', which is no file"),
        ("a\x1b[2J", "which is no file"),
        ("x" * 300, "which is no file"),
        ("..", "leads out of"),
    ],
)
def test_a_note_names_a_file_of_its_own_folder(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "last_checkpoint").write_text(text)
    with pytest.raises(Refused, match=words) as error:
        last_checkpoint(tmp_path)
    assert str(error.value).isprintable()


def test_a_moved_folder_of_results_goes_on(tmp_path: Path) -> None:
    """mmengine notes whole paths; only the name counts."""
    assert last_checkpoint(tmp_path) is None
    (tmp_path / "last_checkpoint").write_text("/elsewhere/results/runs/0/iter_5.pth\n")
    (tmp_path / "iter_5.pth").touch()
    assert last_checkpoint(tmp_path) == tmp_path / "iter_5.pth"


def scrambled(content: object, rng: np.random.Generator) -> None:
    """Change one value, somewhere, to one of another kind or of another size."""
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))  # type: ignore
        key = keys[rng.integers(len(keys))]
        inner = place[key]  # type: ignore[index]
        if isinstance(inner, (dict, list)) and len(inner) and rng.random() < 0.9:
            place = inner
            continue
        strange = [None, -1, 10**20, float("nan"), "\x1b[2J", "x" * 1000, [], {}, [[]], b"x", True,
                   torch.zeros(0), torch.zeros(3, 3), torch.full((8,), float("nan")), HistoryBuffer()]  # fmt: skip
        place[key] = strange[rng.integers(len(strange))]  # type: ignore[index]
        return


@pytest.mark.slow
def test_300_changed_checkpoints(
    trained: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    """Through `export`: the weights of the checkpoint, or one line and no file. Half of them change what it reads."""
    content = torch.load(trained / "iter_3.pth", weights_only=True)
    whole = (trained / "iter_3.pth").read_bytes()
    rng = np.random.default_rng(0)
    outcomes = {0: 0, 1: 0}
    for number in range(300):
        file = tmp_path / "iter_3.pth"
        if number % 2:
            mutant = copy.deepcopy(content)
            part = mutant if number % 4 == 1 else mutant["meta"]
            scrambled(part, rng)
            if number % 8 == 3:
                origin = json.loads(content["meta"]["origin"])
                scrambled(origin, rng)
                mutant["meta"]["origin"] = json.dumps(origin, default=str)
            torch.save(mutant, file)
        else:
            damaged = bytearray(whole)
            for _ in range(1 + number % 3):
                damaged[rng.integers(len(damaged))] = rng.integers(256)
            file.write_bytes(damaged[: rng.integers(len(whole))] if number % 10 == 0 else damaged)
        out = tmp_path / "mine.safetensors"
        code = main(["export", str(file), "mine", "--out", str(tmp_path)])
        said = capsys.readouterr()
        outcomes[code] += 1
        if code == 0:
            state = torch.load(file, weights_only=True)["state_dict"]
            for name, value in load_file(out).items():
                assert torch.equal(value, state[f"backbone.network.{name}"])
            out.unlink()
        else:
            (line,) = [one for one in said.err.splitlines() if one.startswith("error: ")]
            assert str(file) in line and line.isprintable()
        assert not list(tmp_path.glob("*mine*"))
    assert min(outcomes.values()) > 50, outcomes


@pytest.mark.slow
def test_300_changed_checkpoints_before_a_resumption(
    trained: Path, arguments: list[str], tmp_path: Path, monkeypatch
) -> None:
    """By the runner of `pretrain --resume`, up to the first step: the states of the file, or one line."""
    from lvmmed_backbones.openmmlab.resumption import CheckedRunner

    class Reached(Exception):
        """The run would train now."""

    def stop(self) -> None:
        raise Reached

    runners: list[CheckedRunner] = []
    monkeypatch.setattr("lvmmed_backbones.pretrain.loop.ResumableEpochLoop.run", stop)
    load_or_resume = CheckedRunner.load_or_resume
    monkeypatch.setattr(
        CheckedRunner, "load_or_resume", lambda self: (runners.append(self), load_or_resume(self))
    )
    file = planted(trained, tmp_path / "run", lambda content: None)
    with pytest.raises(Reached):
        resume(arguments, tmp_path / "run")
    (runner,) = runners
    content = torch.load(trained / "iter_2.pth", weights_only=True)
    whole = file.read_bytes()
    rng = np.random.default_rng(1)
    outcomes = {"right": 0, "refused": 0}
    for number in range(300):
        if number % 2:
            mutant = copy.deepcopy(content)
            part = ("meta", "message_hub", "optimizer", "param_schedulers")[number // 2 % 4]
            scrambled(mutant if number % 20 == 1 else mutant[part], rng)
            torch.save(mutant, file)
        else:
            damaged = bytearray(whole)
            damaged[rng.integers(len(damaged))] = rng.integers(256)
            file.write_bytes(damaged[: rng.integers(len(whole))] if number % 10 == 0 else damaged)
        runner._has_loaded = False
        try:
            load_or_resume(runner)
        except Refused as error:
            outcomes["refused"] += 1
            assert str(file) in str(error) and str(error).isprintable()
            continue
        outcomes["right"] += 1
        found = torch.load(file, weights_only=True)
        assert (runner.iter, runner.epoch) == (found["meta"]["iter"], found["meta"]["epoch"])
        for name, value in runner.model.state_dict().items():
            assert torch.equal(value, found["state_dict"][name])
        for group in runner.optim_wrapper.param_groups:
            assert isinstance(group["lr"], float)
        for path in (runner.message_hub.runtime_info.get("best_ckpt", str(file)),):
            assert Path(path).parent == file.parent
    assert min(outcomes.values()) > 50, outcomes
