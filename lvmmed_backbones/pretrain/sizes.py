"""Check before a run begins that its sizes fit together."""

from __future__ import annotations

import inspect
from typing import Any

from mmengine.config import Config
from mmpretrain.models.selfsup import MoCo
from mmpretrain.registry import MODELS

from lvmmed_backbones.pretrain.arguments import check_arguments
from lvmmed_backbones.pretrain.methods.deepcluster_v2 import DeepClusterV2
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead, LVMMed

# Methods that compare the images of a process's batch, or normalise over the batch.
COMPARING = ("LVMMed", "SimCLR", "MoCo", "BarlowTwins", "SwAV", "VICRegL", "DeepClusterV2")


def check_sizes(config: Config, images: int, processes: int) -> None:
    """Check that the sizes of a run fit together.

    Parameters
    ----------
    config : Config
        A composed config.
    images : int
        Number of images of the corpus.
    processes : int
        Number of processes that train together.

    Raises
    ------
    ValueError
        If they do not. The message has the options and their values.
    """
    loader, model = config.train_dataloader, config.model
    batch, counts = loader.get("batch_size"), config.optim_wrapper.get("accumulative_counts", 1)
    interval = config.get("default_hooks", {}).get("checkpoint", {}).get("interval", counts)
    positive = {
        "train_dataloader.batch_size": batch,
        "train_cfg.max_epochs": config.train_cfg.get("max_epochs"),
        "optim_wrapper.accumulative_counts": counts,
        "default_hooks.checkpoint.interval": interval,
    }
    for name, value in positive.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value}: it must be a whole number of at least 1")
    if images // processes < (batch if loader.get("drop_last") else 1):
        raise ValueError(
            f"--corpus has {images} images, which do not fill train_dataloader.batch_size={batch} in each of "
            f"{processes} processes: set it lower, or give more images or fewer processes"
        )
    if model.get("type") in COMPARING and batch == 1:
        raise ValueError(
            f"train_dataloader.batch_size is 1: {model.type} compares the images of a batch, it takes at least 2"
        )
    if interval % counts:
        raise ValueError(
            f"default_hooks.checkpoint.interval={interval} would lose gradients that "
            f"optim_wrapper.accumulative_counts={counts} adds up: choose a multiple"
        )
    _check_method_sizes(model, batch, images, processes)
    left = images // processes % batch
    if left and not loader.get("drop_last") and left < (needed := _least(model, batch)):
        raise ValueError(
            f"train_dataloader.drop_last is False, and the last step of an epoch would have {left} images in each of "
            f"{processes} processes, where {model.type} needs {needed}: set it to True"
        )


def _least(model: Any, batch: int) -> int:
    """Return the least images of a step in a process; the arguments are checked."""
    if _matches_graphs(model):
        neighbours = _argument_of(model.head, GraphMatchingHead, "neighbours")
        return _argument_of(model.head, GraphMatchingHead, "graph_size") or neighbours + 1
    if model.get("type") == "MoCo":  # whose queue is cut into batches
        return batch
    return 2 if model.get("type") in COMPARING else 1


def _check_method_sizes(model: Any, batch: int, images: int, processes: int) -> None:
    """Check the sizes of one method. Raise ValueError as `check_sizes`."""
    kind = model.get("type")
    if kind == "LVMMed":
        check_arguments(LVMMed.__init__, model)
    if _matches_graphs(model):
        check_arguments(GraphMatchingHead.__init__, model.head)
        neighbours = _argument_of(model.head, GraphMatchingHead, "neighbours")
        size = _argument_of(model.head, GraphMatchingHead, "graph_size")
        if size is not None and not 1 < size <= batch:
            raise ValueError(
                f"model.head.graph_size is {size}: it must be at least 2 and at most train_dataloader.batch_size, "
                f"{batch}"
            )
        if not 1 <= neighbours < (size or batch):
            of = "train_dataloader.batch_size" if size is None else "model.head.graph_size"
            raise ValueError(
                f"model.head.neighbours is {neighbours}: it must be at least 1 and lower than {of}, {size or batch}"
            )
    elif kind == "MoCo":
        queue, step = _argument_of(model, MoCo, "queue_len"), batch * processes
        if queue < step or queue % step:
            raise ValueError(
                f"model.queue_len is {queue}: it must be a multiple of the {step} images of a step, "
                f"train_dataloader.batch_size={batch} in each of {processes} processes"
            )
    elif kind == "DeepClusterV2":
        clusters = max(_argument_of(model, DeepClusterV2, "clusters"))
        if clusters > images:
            raise ValueError(
                f"model.clusters has {clusters}, and --corpus {images} images: more images than clusters are needed"
            )


def _matches_graphs(model: Any) -> bool:
    """Whether the method is ours with our head; a head of one's own may mean something else by the same arguments."""
    if model.get("type") != "LVMMed":
        return False
    head = MODELS.get(str(model.head.get("type")))
    return isinstance(head, type) and issubclass(head, GraphMatchingHead)


def _argument_of(config: Any, cls: type, name: str) -> Any:
    """Return the value of an argument in a config, or its default."""
    return config.get(name, inspect.signature(cls).parameters[name].default)
