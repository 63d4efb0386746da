"""Sizes that cannot work together are refused before a run begins."""

from __future__ import annotations

import inspect
from typing import Any

from mmengine.config import Config
from mmpretrain.models.selfsup import MoCo

from lvmmed_backbones.pretrain.methods.deepcluster_v2 import DeepClusterV2
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead

# Methods that compare the images of a process's batch, or normalise over them.
COMPARING = ("LVMMed", "SimCLR", "MoCo", "BarlowTwins", "SwAV", "VICRegL", "DeepClusterV2")


def check_sizes(config: Config, images: int, processes: int) -> None:
    """Hold the sizes of a run against each other.

    Parameters
    ----------
    config : Config
        As composed.
    images : int
        Of the corpus.
    processes : int
        How many train together.

    Raises
    ------
    ValueError
        Naming the options and their values.
    """
    loader, model = config.train_dataloader, config.model
    batch, parts = loader.batch_size, config.optim_wrapper.get("accumulative_counts", 1)
    interval = config.get("default_hooks", {}).get("checkpoint", {}).get("interval", parts)
    least = dict(
        {"train_dataloader.batch_size": batch, "train_cfg.max_epochs": config.train_cfg.max_epochs},
        **{
            "optim_wrapper.accumulative_counts": parts,
            "default_hooks.checkpoint.interval": interval,
        },
    )
    for name, value in least.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value}: it must be a whole number of at least 1")
    if images // processes < (batch if loader.get("drop_last") else 1):
        raise ValueError(
            f"--corpus has {images} images, which do not fill train_dataloader.batch_size={batch} in each of "
            f"{processes} processes: set it lower, or give more images or fewer processes"
        )
    if model.type in COMPARING and batch == 1:
        raise ValueError(
            f"train_dataloader.batch_size is 1: {model.type} compares the images of a batch, it takes at least 2"
        )
    if interval % parts:
        raise ValueError(
            f"default_hooks.checkpoint.interval={interval} would lose gradients that "
            f"optim_wrapper.accumulative_counts={parts} adds up: choose a multiple"
        )
    check_method(model, batch, images, processes)


def check_method(model: Any, batch: int, images: int, processes: int) -> None:
    """Raises ValueError, as `check_sizes`, where a method has sizes of its own."""
    if model.type == "LVMMed":
        neighbours = argument(model.head, GraphMatchingHead, "neighbours")
        if not 1 <= neighbours < batch:
            raise ValueError(
                f"model.head.neighbours is {neighbours}: it must be at least 1 and lower than "
                f"train_dataloader.batch_size, {batch}"
            )
    elif model.type == "MoCo":
        queue, step = argument(model, MoCo, "queue_len"), batch * processes
        if queue < step or queue % step:
            raise ValueError(
                f"model.queue_len is {queue}: it must be a multiple of the {step} images of a step, "
                f"train_dataloader.batch_size={batch} in each of {processes} processes"
            )
    elif model.type == "DeepClusterV2":
        clusters = max(argument(model, DeepClusterV2, "clusters"))
        if clusters > images:
            raise ValueError(
                f"model.clusters has {clusters}, and --corpus {images} images: more images than clusters are needed"
            )


def argument(config: Any, kind: type, name: str) -> Any:
    """The value of an argument in a config, or its default."""
    return config.get(name, inspect.signature(kind).parameters[name].default)
