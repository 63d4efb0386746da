"""What a run was is compared before anything is written; what may change goes on by images."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.dataset import CorpusDataset
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.pretrain.hooks import checkpoints
from lvmmed_backbones.pretrain.resumption import advance, align_queue, newest_whole
from lvmmed_backbones.pretrain.sizes import check_sizes
from lvmmed_backbones.pretrain.terms import shortened

IMAGES = 48


@pytest.fixture(scope="module")
def arguments(corpus: Path) -> list[str]:
    """Of a run of 2 epochs, 6 steps each of 8 images of 32 px."""
    return [
        *("pretrain", "simclr_resnet18_mini", "--corpus", str(corpus), "--epochs", "2"),
        *("--cfg-options", "train_dataloader.batch_size=8"),
        *("train_dataloader.dataset.pipeline.0.crops.0.size=32",),
        *("model.backbone.model_name=scaled_resnet", "model.backbone.depth=18"),
        *("model.backbone.stem_channels=8", "model.backbone.base_channels=8"),
        *("model.neck.in_channels=64", "model.neck.hid_channels=16", "model.neck.out_channels=8"),
        *("default_hooks.checkpoint.interval=1", "default_hooks.checkpoint.keep=20"),
        *("default_hooks.logger.interval=1", "log_processor.window_size=1"),
    ]


def call(arguments: list[str], folder: Path, *more: str) -> int:
    """`pretrain` in this process; a KEY=VALUE, and an option with its value, goes before what was said."""
    options = [one for one in more if not one.startswith("-") and "=" in one]
    words = [one for one in more if one not in options]
    return main(
        [
            *arguments[:4],
            *arguments[4:6],
            "--work-dir",
            str(folder),
            *words,
            *arguments[6:],
            *options,
            f"experiment_name=x{uuid.uuid4().hex}",  # or two runs of one second share their curves in a process
        ]
    )


@pytest.fixture(scope="module")
def whole(arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run to its end, all of its checkpoints."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert call(arguments, folder) == 0
    assert [file.name for file in checkpoints(folder)] == [f"iter_{n}.pth" for n in range(1, 13)]
    return folder


def stopped(whole: Path, folder: Path, step: int) -> Path:
    """The run as a kill after a step would leave it."""
    folder.mkdir()
    for file in checkpoints(whole):
        if int(file.stem[5:]) <= step:
            shutil.copy(file, folder)
    shutil.copy(whole / "config.py", folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, and a checksum of it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rates(folder: Path) -> dict[int, float]:
    """The learning rate of each step."""
    rows = [
        json.loads(line)
        for file in folder.glob("*/vis_data/scalars.json")
        for line in file.read_text().splitlines()
    ]
    return {row["iter"]: row["lr"] for row in rows if "lr" in row}


def origin(folder: Path) -> dict:
    """What the newest checkpoint tells of its run."""
    content = torch.load(checkpoints(folder)[-1], weights_only=True)
    return json.loads(content["meta"]["origin"])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Every (image, epoch) that is read, in order."""
    items: list[tuple[int, int]] = []
    get = CorpusDataset.__getitem__
    monkeypatch.setattr(
        CorpusDataset, "__getitem__", lambda self, item: (items.append(item), get(self, item))[1]
    )
    return items


def order(epoch: int) -> list[tuple[int, int]]:
    return [(int(i), epoch) for i in np.random.default_rng([0, epoch]).permutation(IMAGES)]


@pytest.mark.parametrize("step", [4, 6, 9])
def test_the_same_run_goes_on_bit_for_bit(
    step: int, whole: Path, arguments: list[str], tmp_path: Path, read: list
) -> None:
    run = stopped(whole, tmp_path / "run", step)
    assert call(arguments, run, "--resume") == 0
    assert read == [*order(0), *order(1)][8 * step :]
    one, other = (torch.load(f / "iter_12.pth", weights_only=True) for f in (whole, run))
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name
    for number, state in one["optimizer"]["state"].items():
        for name, value in state.items():
            assert torch.equal(value, other["optimizer"]["state"][number][name])
    assert one["optimizer"]["param_groups"] == other["optimizer"]["param_groups"]
    told = [json.loads(content["meta"]["origin"]) for content in (one, other)]
    for key in ("terms", "progress"):
        assert told[0][key] == told[1][key]
    assert rates(run).items() <= rates(whole).items()


@pytest.mark.parametrize(("step", "batch"), [(3, 4), (4, 16), (9, 4), (6, 3)])
def test_another_batch_goes_on_by_images(
    step: int, batch: int, whole: Path, arguments: list[str], tmp_path: Path, read: list, capsys
) -> None:
    """No image twice, none left out, and the learning rate of a run that always had this batch."""
    run = stopped(whole, tmp_path / "run", step)
    capsys.readouterr()
    assert call(arguments, run, "--resume", f"train_dataloader.batch_size={batch}") == 0
    expected = f"going on after {8 * step} images: train_dataloader.batch_size was 8 and is {batch}"
    assert expected in capsys.readouterr().err
    assert read == [*order(0), *order(1)][8 * step :]
    fresh = tmp_path / "fresh"
    assert call(arguments, fresh, f"train_dataloader.batch_size={batch}") == 0
    behind = (2 * IMAGES - 8 * step) // batch
    found, reference = rates(run), rates(fresh)
    assert sorted(found) == [*range(step + 1, step + behind + 1)]
    assert (
        list(reversed([found[n] for n in sorted(found)]))
        == (list(reversed([reference[n] for n in sorted(reference)]))[:behind])
    )
    assert len(set(found.values())) > 1
    told = origin(run)
    assert told["progress"]["images_seen"] == 2 * IMAGES
    assert told["progress"]["steps"] == step + behind
    assert main(["export", str(run), "mine", "--out", str(tmp_path)]) == 0
    from lvmmed_backbones.catalogue.exported import read_facts

    facts = read_facts(tmp_path / "mine.safetensors")
    assert (facts.images_seen, facts.steps) == (2 * IMAGES, step + behind)


def test_more_epochs_rebuild_the_schedule(
    whole: Path, arguments: list[str], tmp_path: Path, read: list
) -> None:
    """A finished run, whose rate had come to its end, goes on at the rate of a longer one."""
    run = stopped(whole, tmp_path / "run", 12)
    longer = [*arguments[:5], "4", *arguments[6:]]
    assert call(longer, run, "--resume") == 0
    assert read == [*order(2), *order(3)]
    fresh = tmp_path / "fresh"
    assert call(longer, fresh) == 0
    assert rates(run) == {n: rate for n, rate in rates(fresh).items() if n > 12}
    assert origin(run)["progress"] == dict(steps=24, epoch=3, images=48, images_seen=4 * IMAGES)


def test_a_run_that_is_done_says_so(
    whole: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    run = stopped(whole, tmp_path / "run", 12)
    before = contents(run)
    capsys.readouterr()
    assert call(arguments, run, "--resume") == 0
    assert f"{run} has all 2 epochs: nothing is left to do" in capsys.readouterr().err
    assert contents(run) == before


OTHER = {
    "seed": ("randomness.seed=1", "randomness.seed was 0 and is 1"),
    "network": (
        "model.neck.out_channels=16",
        "model.neck.out_channels was 8 and is 16",
    ),
    "loss": ("model.head.temperature=0.2", "model.head.temperature was 0.1 and is 0.2"),
    "rate": (
        "optim_wrapper.optimizer.lr=0.1",
        "optim_wrapper.optimizer.lr was 0.003 and is 0.1",
    ),
    "accumulation": (
        "optim_wrapper.accumulative_counts=1",
        "optim_wrapper.accumulative_counts was not set and is 1",
    ),
    "precision": (
        "optim_wrapper.dtype=bfloat16",
        "optim_wrapper.dtype was not set and is bfloat16",
    ),
    "views": (
        "train_dataloader.dataset.pipeline.0.crops.0.size=48",
        "train_dataloader.dataset.pipeline.0.crops.0.size was 32 and is 48",
    ),
    "schedule": ("param_scheduler.0.start_factor=0.5", "param_scheduler was"),
    "normalisation": (
        "data_preprocessor.to_rgb=False",
        "data_preprocessor.to_rgb was True and is False",
    ),
}


@pytest.mark.parametrize(("option", "words"), OTHER.values(), ids=OTHER)
def test_another_run_is_refused_and_the_folder_stays(
    option: str, words: str, whole: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    run = stopped(whole, tmp_path / "run", 2)
    before = contents(run)
    capsys.readouterr()
    assert call(arguments, run, "--resume", option) == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert f"{run} holds another run: {words}" in line and "choose another --work-dir" in line
    assert contents(run) == before


def test_another_method_and_another_corpus_are_refused(
    whole: Path, arguments: list[str], tmp_path: Path, capsys, draw: Callable
) -> None:
    run = stopped(whole, tmp_path / "run", 2)
    before = contents(run)
    method = [arguments[0], "vicregl_resnet18_mini", *arguments[2:], "model.in_channels=64"]
    capsys.readouterr()
    assert call(method, run, "--resume") == 1
    assert "model" in capsys.readouterr().err
    draw(tmp_path / "images", IMAGES, seed=1)
    other = tmp_path / "corpus"
    assert main(["corpus", "build", str(tmp_path / "images"), "--out", str(other)]) == 0
    capsys.readouterr()
    elsewhere = [*arguments[:3], str(other), *arguments[4:]]
    assert call(elsewhere, run, "--resume") == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    told = [
        json.loads((x / "corpus.json").read_text())["fingerprint"]
        for x in (Path(arguments[3]), other)
    ]
    assert f"--corpus (fingerprint) was {told[0]} and is {told[1]}" in line
    assert contents(run) == before


def test_the_same_corpus_elsewhere_is_the_same_run(
    whole: Path, arguments: list[str], tmp_path: Path
) -> None:
    run = stopped(whole, tmp_path / "run", 11)
    shutil.copytree(arguments[3], tmp_path / "moved")
    moved = [*arguments[:3], str(tmp_path / "moved"), *arguments[4:]]
    assert call(moved, run, "--resume", "default_hooks.checkpoint.keep=3") == 0
    assert (run / "iter_12.pth").is_file()


def test_fewer_epochs_than_done_are_refused(
    whole: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    run = stopped(whole, tmp_path / "run", 8)
    before = contents(run)
    capsys.readouterr()
    assert call([*arguments[:5], "1", *arguments[6:]], run, "--resume") == 1
    assert f"--epochs 1: {run} is in its epoch 2. Give at least 2" in capsys.readouterr().err
    assert contents(run) == before


def spoil_tensor(file: Path) -> None:
    """One bit within the tensors, which torch loads as it is."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def without(key: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        content = torch.load(file, weights_only=True)
        del content[key]
        torch.save(content, file)

    return change


def not_a_number(file: Path) -> None:
    content = torch.load(file, weights_only=True)
    content["state_dict"]["backbone.network.conv1.weight"][0] = torch.nan
    torch.save(content, file)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1000]),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "a bit": spoil_tensor,
    "a page": lambda file: file.write_text("<html>"),
    "no optimizer": without("optimizer"),
    "no weights": without("state_dict"),
    "no numbers": not_a_number,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_named_and_an_older_one_used(
    damage: Callable, whole: Path, tmp_path: Path, capsys
) -> None:
    run = stopped(whole, tmp_path / "run", 3)
    damage(run / "iter_3.pth")
    found = newest_whole(run)
    assert found is not None and found[0] == run / "iter_2.pth"
    named, older = capsys.readouterr().err.splitlines()
    assert named.startswith(f"not used: {run / 'iter_3.pth'}: ")
    assert older == f"going on from the older {run / 'iter_2.pth'}"
    damage(run / "iter_2.pth")
    damage(run / "iter_1.pth")
    with pytest.raises(ValueError, match=r"iter_3\.pth: .*\. .+"):
        newest_whole(run)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_damaged_newest_checkpoint_costs_only_its_steps(
    whole: Path, arguments: list[str], tmp_path: Path
) -> None:
    run = stopped(whole, tmp_path / "run", 11)
    spoil_tensor(run / "iter_11.pth")
    assert call(arguments, run, "--resume") == 0
    one, other = (torch.load(f / "iter_12.pth", weights_only=True) for f in (whole, run))
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name


def test_a_checkpoint_of_an_older_version_is_refused_with_a_remedy(
    whole: Path, arguments: list[str], tmp_path: Path, capsys
) -> None:
    run = stopped(whole, tmp_path / "run", 1)
    content = torch.load(run / "iter_1.pth", weights_only=True)
    told = json.loads(content["meta"]["origin"])
    del told["terms"], told["progress"]
    content["meta"]["origin"] = json.dumps(
        told | dict(batch_size=8, world_size=1, git_revision="abc")
    )
    torch.save(content, run / "iter_1.pth")
    before = contents(run)
    for words in (["--resume"], []):
        capsys.readouterr()
        line = ["export", str(run), "mine", "--out", str(tmp_path)]
        assert (call(arguments, run, *words) if words else main(line)) == 1
        assert (
            "iter_1.pth: was written by an older version (revision abc), which did not count images. Use it with the "
            "version that wrote it, or begin anew"
        ) in capsys.readouterr().err
    assert contents(run) == before


SIZES = {
    "batch of 1": (
        "simclr_resnet18_mini",
        {"train_dataloader.batch_size": 1},
        1,
        "takes at least 2",
    ),
    "k": (
        "lvmmed_resnet18_mini",
        {"train_dataloader.batch_size": 5},
        1,
        "model.head.neighbours is 5: .* lower than train_dataloader.batch_size, 5",
    ),
    "k in a graph": (
        "lvmmed_resnet18_mini",
        {"train_dataloader.batch_size": 8, "model.head.graph_size": 5},
        1,
        "model.head.neighbours is 5: .* lower than model.head.graph_size, 5",
    ),
    "graph": (
        "lvmmed_resnet18_mini",
        {"train_dataloader.batch_size": 8, "model.head.graph_size": 9},
        1,
        "model.head.graph_size is 9: .* at most train_dataloader.batch_size, 8",
    ),
    "queue": (
        "mocov2_resnet18_mini",
        {"train_dataloader.batch_size": 12},
        1,
        "model.queue_len is 1024: .* multiple of the 12 images of a step",
    ),
    "queue of processes": (
        "mocov2_resnet18_mini",
        {"train_dataloader.batch_size": 8},
        3,
        "model.queue_len is 1024: .* 24 images of a step, train_dataloader.batch_size=8 in each of 3",
    ),
    "short queue": (
        "mocov2_resnet18_mini",
        {"train_dataloader.batch_size": 32, "model.queue_len": 16},
        1,
        "model.queue_len is 16",
    ),
    "corpus": (
        "simclr_resnet18_mini",
        {},
        1,
        "--corpus has 48 images, which do not fill train_dataloader.batch_size=64 in each of 1",
    ),
    "processes": (
        "simclr_resnet18_mini",
        {"train_dataloader.batch_size": 16},
        4,
        "48 images, which do not fill train_dataloader.batch_size=16 in each of 4 processes",
    ),
    "processes without a batch": (
        "simclr_resnet18_mini",
        {"train_dataloader.drop_last": False},
        49,
        "in each of 49 processes",
    ),
    "last step": (
        "simclr_resnet18_mini",
        {"train_dataloader.batch_size": 47, "train_dataloader.drop_last": False},
        1,
        "drop_last is False, and the last step of an epoch would have 1 images .* SimCLR needs 2",
    ),
    "last graph": (
        "lvmmed_resnet18_mini",
        {"train_dataloader.batch_size": 43, "train_dataloader.drop_last": False},
        1,
        "would have 5 images in each of 1 processes, where LVMMed needs 6: set it to True",
    ),
    "last keys": (
        "mocov2_resnet18_mini",
        {"train_dataloader.batch_size": 32, "train_dataloader.drop_last": False},
        1,
        "would have 16 images in each of 1 processes, where MoCo needs 32",
    ),
    "clusters": (
        "deepclusterv2_resnet18_mini",
        {"train_dataloader.batch_size": 8, "model.clusters": (64, 32)},
        1,
        "model.clusters has 64, and --corpus 48 images",
    ),
    "interval": (
        "simclr_resnet18_mini",
        {"train_dataloader.batch_size": 8, "optim_wrapper.accumulative_counts": 3},
        1,
        "default_hooks.checkpoint.interval=100 .*accumulative_counts=3 adds up: choose a multiple",
    ),
    "batch of 0": ("simclr_resnet18_mini", {"train_dataloader.batch_size": 0}, 1, "at least 1"),
    "epochs": ("simclr_resnet18_mini", {"train_cfg.max_epochs": 0}, 1, "train_cfg.max_epochs is 0"),
}


@pytest.mark.parametrize(("name", "options", "processes", "words"), SIZES.values(), ids=SIZES)
def test_sizes_that_cannot_work_are_named(
    name: str, options: dict, processes: int, words: str
) -> None:
    config = Config.fromfile(CONFIGS / f"{name}.py")
    config.merge_from_dict(options)
    with pytest.raises(ValueError, match=words):
        check_sizes(config, IMAGES, processes)


def test_a_last_step_that_is_large_enough_is_taken() -> None:
    config = Config.fromfile(CONFIGS / "lvmmed_resnet18_mini.py")
    for batch in (42, 48, 16):  # 6 images are left, or none
        changes = {"train_dataloader.batch_size": batch, "train_dataloader.drop_last": False}
        config.merge_from_dict(changes)
        check_sizes(config, IMAGES, 1)


@pytest.mark.parametrize("name", [path.stem for path in sorted(CONFIGS.glob("*_paper.py"))])
def test_the_papers_sizes_work_on_16_gpus(name: str) -> None:
    check_sizes(Config.fromfile(CONFIGS / f"{name}.py"), 1_300_000, 16)


def test_sizes_are_refused_before_anything_is_written(
    arguments: list[str], tmp_path: Path, capsys
) -> None:
    assert call(arguments, tmp_path / "run", "train_dataloader.batch_size=1") == 1
    assert "train_dataloader.batch_size is 1: SimCLR compares" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def built(schedule: list[dict], length: int, epochs: int) -> tuple[torch.optim.Optimizer, list]:
    """An optimizer and its schedulers, as mmengine builds them for epochs of so many steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    wrapper = OptimWrapper(optimizer)
    made = []
    for part in schedule:
        part = dict(part)
        if part.pop("convert_to_iter_based", False):
            kind = PARAM_SCHEDULERS.get(part.pop("type"))
            made.append(kind.build_iter_from_epoch(optimizer=wrapper, epoch_length=length, **part))
        else:
            made.append(PARAM_SCHEDULERS.build(part, default_args=dict(optimizer=wrapper)))
    return optimizer, made


SCHEDULES = [
    [
        dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
        dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=4, convert_to_iter_based=True),
    ],
    [dict(type="MultiStepLR", by_epoch=True, milestones=[1, 3], gamma=0.1)],
    [
        dict(type="LinearLR", start_factor=0.1, by_epoch=False, end=5),
        dict(type="ExponentialLR", by_epoch=True, gamma=0.5),
    ],
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(length=st.integers(1, 7), place=st.integers(0, 28), at_end=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_schedule_that_is_moved_is_where_a_run_would_be(
    schedule: list[dict], length: int, place: int, at_end: bool
) -> None:
    """Against mmengine's order: after each step, and after each epoch, whose end a checkpoint may come before."""
    place = min(place, 4 * length)
    optimizer, schedulers = built(schedule, length, 4)
    ended = place // length
    if at_end and place and place % length == 0:
        ended -= 1
    epoch = 0
    for step in range(1, place + 1):
        for scheduler in (s for s in schedulers if not s.by_epoch):
            scheduler.step()
        if step % length == 0 and epoch < ended:
            epoch += 1
            for scheduler in (s for s in schedulers if s.by_epoch):
                scheduler.step()
    other, moved = built(schedule, length, 4)
    advance(moved, place, length, ended)
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert [s.state_dict() for s in moved] == [s.state_dict() for s in schedulers]


def test_a_schedule_follows_the_length() -> None:
    warm = dict(type="LinearLR", by_epoch=True, end=10)
    fall = dict(type="CosineAnnealingLR", by_epoch=True, begin=10, end=100)
    steps = dict(type="LinearLR", by_epoch=False, end=500)
    assert shortened([warm, fall, steps], 100, 5) == [{**warm, "end": 5}, steps]
    endless = {**warm, "end": None}  # as JSON has what is infinite
    assert shortened([endless], 100, 5) == [endless]
    assert shortened([warm, fall], 100, 300) == [warm, {**fall, "end": 300}]


def test_mocos_queue_turns_so_that_its_oldest_come_first() -> None:
    model = torch.nn.Module()
    model.register_buffer("queue", torch.arange(12.0).repeat(2, 1))
    model.register_buffer("queue_ptr", torch.tensor([8]))
    align_queue(model, 4)
    assert int(model.queue_ptr) == 8  # steps of 4 come to the end as they are
    align_queue(model, 6)
    assert int(model.queue_ptr) == 0
    assert model.queue[0].tolist() == [8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7]
    align_queue(torch.nn.Linear(1, 1), 3)  # of another method
