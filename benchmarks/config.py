"""From a resolved run to its config: a plain mmengine config, which `Runner.from_cfg` runs.

A run on frozen features trains no network. Its config has no training, and a `probe` in place of the head.

Four entries of a task config are for this module, and are no part of the composed config: `fit` says what the backbone
is given and where its facts go, `vit` what differs for a plain transformer, `sam` what differs for SAM's encoder,
`narrow` what a smaller profile makes smaller in a release's model (docs/tasks.md, "Recipes").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config

from benchmarks.labels import inner_dataset
from benchmarks.profiles import Budget, ProbeBudget, Profile, is_release, size_of
from benchmarks.resolve import Resolved
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.catalogue.architectures import is_plain_transformer, is_sam_encoder
from lvmmed_backbones.evaluation.classification import NEIGHBOURS, PENALTIES
from lvmmed_backbones.evaluation.dense import PENALTIES as DENSE_PENALTIES
from lvmmed_backbones.models.pyramid import STRIDES
from tasks.prompt.decoder import weights_for

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
NORMALISATION = {"model.data_preprocessor.mean": "mean", "model.data_preprocessor.std": "std"}
SETTINGS = {"knn": NEIGHBOURS, "linear": PENALTIES, "dense": DENSE_PENALTIES}  # of each probe


def configure(run: Resolved) -> Config:
    """Return the whole config of a run: the task's, on the run's backbone, at the profile's size, with its seed.

    It is the same on every machine but for the file of the weights; `place` adds the folders of this machine.

    Raises
    ------
    ValueError
        If the task has no such split, the backbone no maps for a dense task, or the config no place for the backbone.
    """
    config = deepcopy(run.task)
    for entry, applies in (("vit", is_plain_transformer), ("sam", is_sam_encoder)):
        differs = config.pop(entry, None)
        if differs and applies(run.backbone.config):
            config.merge_from_dict(differs)
    fit, narrow = config.pop("fit"), config.pop("narrow", {})
    budget = run.profile.budget(config.task)
    if isinstance(budget, ProbeBudget):
        config = _for_probe(config, budget)
        fit = dict(backbone=dict(output="vector"), places=NORMALISATION)
    else:
        _shrink(config, run.profile, budget, narrow)
        for transform in transforms(config):
            if "seed" in transform:
                transform.seed = run.spec.seed
    fit_backbone(config, run.backbone, **fit)
    config.randomness.seed = run.spec.seed
    if run.spec.split == "clean":
        _use_clean_split(config)
    return config


def place(
    config: Config,
    data: Path,
    training: Sequence[int] | None,
    run_dir: Path,
    features: Path,
) -> Config:
    """Return a copy of a run's config with this machine's folders, ready for `Runner.from_cfg`.

    Parameters
    ----------
    config : Config
        As `configure` returns it.
    data : Path
        The folder of the task's prepared data set.
    training : sequence of int or None
        Positions of the training images to take, as `labels.label_subset` returns them; None: all.
    run_dir : Path
        Where the run writes its log, checkpoints and per-case scores.
    features : Path
        Where a run on frozen features or embeddings finds those of earlier runs, and leaves its own.
    """
    config, data = place_run(config, run_dir), data.resolve()
    for loader in filter(config.get, LOADERS):
        inner_dataset(config[loader].dataset).data_root = str(data)
    if "probe" in config:
        config.probe.features = str(features.resolve())
    if "embeddings" in config:
        config.embeddings.cache = str(features.resolve())
    if training is not None:
        inner_dataset(config.train_dataloader.dataset).indices = list(training)
    if config.task.kind == "detection":
        for part in ("val", "test"):
            if evaluator := config.get(f"{part}_evaluator"):
                evaluator.ann_file = str(data / config[f"{part}_dataloader"].dataset.ann_file)
    return config


def place_run(config: Config, run_dir: Path) -> Config:
    """Return a copy of a run's config that writes to a folder."""
    config, run_dir = deepcopy(config), run_dir.resolve()
    config.work_dir = str(run_dir)
    config.test_evaluator.cases_file = str(run_dir / "cases.json")
    return config


def _for_probe(config: Config, budget: ProbeBudget) -> Config:
    """Return the config of a run on frozen features: its lists of images, what it probes with, and its scores.

    The backbone sees each image whole, so the task's pipelines are left out.
    """
    kept = ("data_root", "ann_file", "metainfo")
    loaders = {}
    for loader in LOADERS:
        dataset = inner_dataset(config[loader].dataset)
        loaders[loader] = dict(dataset={key: dataset[key] for key in kept})
    settings = budget.settings or SETTINGS[size_of(config.task)]
    return Config(
        dict(
            task=config.task,
            custom_imports=config.custom_imports,
            randomness=config.randomness,
            model=dict(data_preprocessor={}),
            probe=dict(image_size=budget.image_size or image_size(config), settings=list(settings)),
            **loaders,
            test_evaluator=config.test_evaluator,
        )
    )


def _shrink(config: Config, profile: Profile, budget: Budget | None, narrow: Mapping) -> None:
    """Apply a profile's budget; training then counts iterations in place of epochs.

    A budget's `overrides` are for the suite's heads: a release's config has its own, `narrow`. A sampler that is part
    of the protocol stays; the loop begins it anew when it ends.
    """
    if profile.workers is not None:
        for loader in LOADERS:
            config[loader].num_workers = profile.workers
            config[loader].persistent_workers = profile.workers > 0 and loader != LOADERS[0]
    if budget is None:
        return
    if budget.resize is None:
        set_image_size(config, budget.image_size)
    else:
        use_tiles(config, budget.image_size, budget.resize)
    config.train_dataloader.batch_size = budget.batch_size
    if config.train_dataloader.sampler.type == "DefaultSampler":
        config.train_dataloader.sampler = dict(type="InfiniteSampler", shuffle=True)
    config.val_dataloader.batch_size = config.test_dataloader.batch_size = budget.batch_size
    config.optim_wrapper.optimizer = dict(budget.optimizer)
    config.log_processor.by_epoch = False
    if config.task.protocol != "zero_shot":  # which takes no step
        interval = budget.iterations // max(budget.validations, 1)
        config.param_scheduler = [
            dict(type="CosineAnnealingLR", T_max=budget.iterations, by_epoch=False)
        ]
        config.train_cfg = dict(
            type="IterBasedTrainLoop",
            max_iters=interval * max(budget.validations, 1),
            val_interval=interval,
        )
    if not budget.validations:
        config.val_dataloader = config.val_evaluator = config.val_cfg = None
    config.merge_from_dict(dict(narrow if is_release(config.task) else budget.overrides))


def fit_backbone(
    config: Config, entry: Entry, backbone: Mapping[str, Any], places: Mapping[str, str]
) -> None:
    """Put a backbone of the catalogue into the model, and its facts where the model needs them.

    Parameters
    ----------
    config : Config
        Is changed.
    entry : Entry
        The backbone.
    backbone : mapping
        Arguments of the backbone beside the entry's; `output` is always there.
    places : mapping of str to str
        For each place in the config, by its dotted name, the fact that it gets: 'maps' (widths of the four maps),
        'map_4' to 'map_32' (the width of one, by its stride), 'all_maps' (their sum), 'vector' (the width of the
        pooled vector, which is that of a plain transformer's tokens), 'mean' and 'std' (normalisation in RGB),
        'sam_decoder' (the file of SAM's mask decoder for it, or None; see `tasks.prompt.decoder.weights_for`).

    Raises
    ------
    ValueError
        If the backbone has no maps for a dense task, or a place wants what is no fact of the backbone.
    """
    module = catalogue.home(entry)
    if module is not None:  # the run's own process must know the class, too
        config.custom_imports.imports.append(module)
    if entry.pretraining_seed is not None:
        # Part of the run's identity: the same weights may be a backbone of one file, too.
        config.pretraining_seed = entry.pretraining_seed
    arguments = dict(frozen=config.task.protocol != "finetune") | dict(backbone)
    of_entry = entry.model(
        output=arguments.pop("output"),
        image_size=image_size(config),
        frozen=arguments.pop("frozen"),
    )
    config.model.backbone = of_entry | arguments
    facts = dict(mean=list(entry.mean), std=list(entry.std), vector=entry.vector_channels)
    if entry.channels:
        facts |= dict(maps=list(entry.channels), all_maps=sum(entry.channels))
        facts |= {f"map_{s}": width for s, width in zip(STRIDES, entry.channels, strict=True)}
    if "sam_decoder" in places.values():
        facts["sam_decoder"] = weights_for(entry)
    for place, fact in places.items():
        if fact not in facts:
            raise ValueError(
                f"{config.task.name}: {place} wants {fact!r} of {entry.architecture}, "
                f"which has {', '.join(sorted(facts))}"
            )
        try:
            config.merge_from_dict({place: facts[fact]})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{config.task.name}: fit.places: there is no {place}: {error.args[0]}"
            ) from error


def _use_clean_split(config: Config) -> None:
    """Train and select on parts of the training images, where the published valid images are the test images.

    Raises
    ------
    ValueError
        If the task has none.
    """
    clean = config.task.get("clean_split")
    if clean is None:
        raise ValueError(
            f"--split clean: {config.task.dataset} has no clean split. Leave the option out"
        )
    config.train_dataloader.dataset.ann_file = clean.train
    if config.val_dataloader:
        config.val_dataloader.dataset.ann_file = clean.valid


def transforms(config: Config) -> Iterator[Config]:
    """Yield every transform of every pipeline."""
    for loader in filter(config.get, LOADERS):
        yield from inner_dataset(config[loader].dataset).pipeline


def image_size(config: Config) -> int:
    """Return the side in pixels of the images that the model sees.

    The config says it by `task.image_size`, where the pipelines do not: where testing has another size than training.
    """
    if "probe" in config:
        return config.probe.image_size
    if "image_size" in config.task:
        return config.task.image_size
    test = config.model.get("test_cfg") or {}
    if test.get("mode") == "slide":
        return test["crop_size"][0]
    sizes = [t.get("crop_size") or t.get("scale", [None])[0] for t in transforms(config)]
    return [size for size in sizes if size][-1]


def set_image_size(config: Config, size: int) -> None:
    """Resize images so that the model sees `size` x `size`; a crop keeps its share of the resized image."""
    former = image_size(config)
    if "image_size" in config.task:
        config.task.image_size = size
    for transform in transforms(config):
        if "scale" in transform:
            transform.scale = tuple(size * side // former for side in transform.scale)
        elif "crop_size" in transform:
            transform.crop_size = size


def use_tiles(config: Config, size: int, side: int) -> None:
    """Resize to `side` x `side`, train on random crops of `size` x `size`, and test on tiles of that size.

    Tiles overlap by a quarter, and the last one of a row ends at the border. Where tiles overlap, mmsegmentation takes
    the mean of their logits.

    Raises
    ------
    ValueError
        If a crop is larger than the image, or the task is no segmentation.
    """
    if size > side:
        raise ValueError(f"image_size={size}: crops are larger than the images, resize={side}")
    if config.task.kind not in ("segmentation", "volumes"):
        raise ValueError(f"resize={side}: {config.task.kind} is not tested on tiles")
    for transform in transforms(config):
        if "scale" in transform:
            transform.scale = (side, side)
    train = config.train_dataloader.dataset
    after = [t.type for t in train.pipeline].index("Resize") + 1
    crop = dict(type="RandomCrop", crop_size=(size, size))
    train.pipeline = [*train.pipeline[:after], crop, *train.pipeline[after:]]
    stride = size * 3 // 4
    config.model.test_cfg = dict(mode="slide", crop_size=(size, size), stride=(stride, stride))
