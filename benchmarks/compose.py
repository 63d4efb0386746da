"""From a cell of the grid to a plain mmengine config."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config

from benchmarks import profiles
from benchmarks.grid import TASK_CONFIGS, Cell
from lvmmed_backbones import catalogue
from lvmmed_backbones.outside import read_lines

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def compose(cell: Cell) -> Config:
    """The config of a run: the task's, on the cell's backbone, at the profile's size, with its seed.

    Paths of data are relative to the folder of prepared data sets until `bind`.

    Raises:
        ValueError: if the profile or the backbone does not exist, the backbone was not pretrained with the cell's
            seed, or the task has no such split.
        FileNotFoundError: if the backbone's weights are not on this machine and cannot be fetched.
    """
    config = Config.fromfile(TASK_CONFIGS / f"{cell.task}.py")
    shrink(config, profiles.get(cell.profile))
    fit_backbone(config, cell.backbone, cell.seed)
    config.randomness.seed = cell.seed
    if cell.split == "clean":
        use_clean_split(config)
    return config


def budget_key(task: dict) -> str:
    """The key of a task's budget in a profile."""
    return task["protocol"] if task["kind"] == "classification" else task["kind"]


def shrink(config: Config, profile: profiles.Profile) -> None:
    """Apply a profile's budget: training counts iterations in place of epochs."""
    if profile.workers is not None:
        for loader in LOADERS:
            config[loader].num_workers = profile.workers
            config[loader].persistent_workers = profile.workers > 0 and loader != LOADERS[0]
    if profile.budgets is None:
        return
    budget = profile.budgets[budget_key(config.task)]
    set_image_size(config, budget.image_size)
    config.train_dataloader.batch_size = budget.batch_size
    config.train_dataloader.sampler = dict(type="InfiniteSampler", shuffle=True)
    config.val_dataloader.batch_size = config.test_dataloader.batch_size = budget.batch_size
    config.optim_wrapper.optimizer = dict(budget.optimizer)
    config.param_scheduler = [
        dict(type="CosineAnnealingLR", T_max=budget.iterations, by_epoch=False)
    ]
    config.log_processor.by_epoch = False
    interval = budget.iterations // max(budget.validations, 1)
    config.train_cfg = dict(
        type="IterBasedTrainLoop",
        max_iters=interval * max(budget.validations, 1),
        val_interval=interval,
    )
    if not budget.validations:
        config.val_dataloader = config.val_evaluator = config.val_cfg = None
    config.merge_from_dict(dict(budget.overrides))


def fit_backbone(config: Config, name: str, seed: int) -> None:
    """Put a catalogue backbone, of this seed if it has several, into the model and give the heads its channels."""
    entry = catalogue.get(name, seed)
    if (
        home := catalogue.home(entry)
    ) is not None:  # the run's own process must know the class, too
        config.custom_imports.imports.append(home)
    if entry.pretraining_seed is not None:
        # Part of the run's identity: the same weights may be a backbone of one file, too.
        config.pretraining_seed = entry.pretraining_seed
    classify = config.task.kind == "classification"
    backbone = entry.model(
        output="vector" if classify else "maps",
        image_size=image_size(config),
        frozen=config.task.protocol == "linear",
    )
    config.model.backbone = backbone
    config.model.data_preprocessor.update(mean=list(entry.mean), std=list(entry.std))
    channels: Sequence[int] = (
        entry.channels or ()
    )  # without maps `entry.model` has refused a dense task
    if classify:
        config.model.head.in_channels = entry.vector_channels
    elif config.task.kind == "detection":
        config.model.neck.in_channels = list(channels)
    else:
        config.model.decode_head.in_channels = list(channels)
        config.model.auxiliary_head.in_channels = channels[2]


def use_clean_split(config: Config) -> None:
    """Train and select on the clean parts of the training images; only FGADR needs it."""
    if config.task.dataset != "fgadr":
        raise ValueError(
            f"--split clean: the published split of {config.task.dataset} does not leak, only FGADR's does"
        )
    config.train_dataloader.dataset.ann_file = "splits/clean_train.txt"
    if config.val_dataloader:
        config.val_dataloader.dataset.ann_file = "splits/clean_valid.txt"


def bind(config: Config, prepared: Path, cell: Cell) -> Config:
    """A copy of a composed config on this machine's data.

    Args:
        prepared: the folder of prepared data sets.
    """
    config = deepcopy(config)
    root = (prepared / config.task.dataset).resolve()
    for loader in filter(config.get, LOADERS):
        inner_dataset(config[loader].dataset).data_root = str(root)
    if cell.label_fraction < 1:
        train = inner_dataset(config.train_dataloader.dataset)
        labelled = config.task.kind == "classification"
        train.indices = label_subset(
            root / train.ann_file, cell.label_fraction, cell.seed, labelled
        )
    if config.task.kind == "detection":
        for loader, evaluator in (
            ("val_dataloader", "val_evaluator"),
            ("test_dataloader", "test_evaluator"),
        ):
            if config.get(evaluator):
                config[evaluator].ann_file = str(root / config[loader].dataset.ann_file)
    return config


def settle(config: Config, run_dir: Path) -> None:
    """Make a bound config ready for `Runner.from_cfg`.

    Args:
        run_dir: where the run writes its log, checkpoints and per-case scores.
    """
    config.work_dir = str(run_dir.resolve())
    config.test_evaluator.cases_file = str(run_dir.resolve() / "cases.json")


def inner_dataset(dataset: Config) -> Config:
    """The data set below any wrapper, such as ClassBalancedDataset."""
    while "dataset" in dataset:
        dataset = dataset.dataset
    return dataset


def transforms(config: Config) -> Iterator[Config]:
    """Every transform of every pipeline."""
    for loader in filter(config.get, LOADERS):
        yield from inner_dataset(config[loader].dataset).pipeline


def image_size(config: Config) -> int:
    """Side in pixels of the images that the model sees."""
    sizes = [
        t.get("crop_size") or t.scale[0]
        for t in transforms(config)
        if "crop_size" in t or "scale" in t
    ]
    return sizes[-1]


def set_image_size(config: Config, size: int) -> None:
    """Resize or crop to `size` x `size` in every pipeline."""
    for transform in transforms(config):
        if "scale" in transform:
            transform.scale = (size, size)
        elif "crop_size" in transform:
            transform.crop_size = size


def label_subset(split: Path, fraction: float, seed: int, labelled: bool) -> list[int]:
    """Indices of a seeded share of a split's lines, at least one.

    Args:
        labelled: each line ends with a label; the share is then the same for each label, at least one of each.

    Raises:
        ValueError: for a COCO file: detection offers no label fractions below 1.
    """
    if split.suffix == ".json":
        raise ValueError(f"{split}: label fractions below 1 are not offered for detection")
    groups = defaultdict(list)
    for index, line in enumerate(read_lines(split)):
        groups[line.rpartition(" ")[2] if labelled else ""].append(index)
    chosen = []
    for label, members in sorted(groups.items()):
        random.Random(f"{seed}-{label}").shuffle(members)
        chosen += members[: max(1, round(fraction * len(members)))]
    return sorted(chosen)
