"""Pretrain a backbone: a config and a corpus give checkpoints and curves."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, init_dist, is_distributed, is_main_process
from mmengine.runner import Runner

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.declared import name_of_file
from lvmmed_backbones.corpus.manifest import Summary, read_summary
from lvmmed_backbones.data_sets import LONGEST
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import by_full_disk, telling_full, write_text
from lvmmed_backbones.pretrain import (
    CONFIGS,
    config_names,
    registration,  # noqa: F401  all that a config may name
)
from lvmmed_backbones.pretrain.hooks import latest_checkpoint
from lvmmed_backbones.pretrain.origin import Origin
from lvmmed_backbones.pretrain.resumption import (
    PretrainingRunner,
    epochs_done,
    newest_whole,
    print_once,
)
from lvmmed_backbones.pretrain.sizes import check_sizes
from lvmmed_backbones.pretrain.terms import check_terms, shortened, terms_of
from lvmmed_backbones.revision import git_revision


def run(
    config: str | Path | Config,
    corpus: str | Path,
    work_dir: str | Path | None = None,
    *,
    resume: bool = False,
    epochs: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    probe: str | Path | None = None,
    launcher: str = "none",
) -> Path:
    """Pretrain a backbone on a corpus: `python -m lvmmed_backbones pretrain`.

    Parameters
    ----------
    config : str, Path or Config
        The name of one of our configs (`config_names`), a path, or a config, which is not changed.
    corpus : str or Path
        Folder or URL of a corpus (`corpus.build`).
    work_dir : str, Path, optional
        Folder of checkpoints and curves; None: pretraining/CONFIG.
    resume : bool
        Go on from the newest checkpoint; if there is none, begin anew.
    epochs : int, optional
        Number of epochs in place of the config's, at least 1. The learning rate's schedule is fitted to it.
    seed : int, optional
        Seed of weights, order and views in place of the config's, which is 0 in all of ours.
    overrides : mapping or iterable of (str, object)
        Values by the dotted names of the config's fields, such as {'train_dataloader.batch_size': 32}. They are applied
        before `epochs` and `seed`.
    probe : str, Path, optional
        A folder of labelled images, with one folder per class. Their accuracy by nearest neighbours is logged.
    launcher : {'none', 'pytorch', 'slurm'}, default 'none'
        What started this process together with others.

    Returns
    -------
    Path
        `work_dir`, as `export` takes it.

    Raises
    ------
    FileNotFoundError
        If there is no such config or corpus.
    FileExistsError
        If `work_dir` holds a run, and it is not to be resumed.
    ValueError
        If sizes do not fit together, or the options differ from those of the resumed run. The message has the options
        and their values.
    FloatingPointError
        If losses or weights are not finite. The message names the last good checkpoint.
    DiskFull, OSError
        If a file cannot be written.
    """
    composed = compose(
        config,
        corpus,
        work_dir,
        epochs=epochs,
        seed=seed,
        overrides=overrides,
        probe=probe,
        launcher=launcher,
    )
    _pretrain(composed, resume)
    return Path(composed.work_dir)


def compose(
    config: str | Path | Config,
    corpus: str | Path,
    work_dir: str | Path | None = None,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    probe: str | Path | None = None,
    launcher: str = "none",
) -> Config:
    """Return the whole config that `run` would carry out with the same arguments.

    Raises
    ------
    FileNotFoundError
        If there is no such config.
    ValueError
        If `epochs` is below 1, or if there is neither a `work_dir` nor a name for one.
    """
    if isinstance(config, Config):
        name = Path(config.filename).stem if config.filename else None
        config = copy.deepcopy(config)
    else:
        file = _file_of(config)
        name, config = file.stem, Config.fromfile(file)
    if work_dir is None and name is None:
        raise ValueError("a config without a file names no folder: give a work_dir")
    config.merge_from_dict(dict(overrides))
    if epochs is not None:
        set_epochs(config, epochs)
    if seed is not None:
        config.merge_from_dict({"randomness.seed": seed})
    config.work_dir = str(work_dir or Path("pretraining") / str(name))
    config.launcher = launcher
    config.git_revision = git_revision()
    config.train_dataloader.dataset.root = str(corpus)
    config.train_dataloader.dataset.seed = config.randomness.seed
    if probe:
        crops = config.train_dataloader.dataset.pipeline[0].crops
        config.custom_hooks.append(
            dict(type="NeighbourProbeHook", folder=str(probe), size=crops[0].size)
        )
    start = config.model.backbone.get("weights")
    config.started_from = _beginning(config)
    if isinstance(start, str):  # a name of the catalogue
        config.begins_with = start
        backbone = catalogue.get(start).model("maps", 224)
        config.model.backbone.weights = backbone.get("weights")
    return config


def _beginning(config: Config) -> str | None:
    """Return the name of what a run begins with: of the catalogue where it has the file; None: random weights."""
    model = config.model
    # mmengine's ways to fill a whole model, of whose file nothing tells the origin.
    initialised = [part.get("init_cfg") or {} for part in (model, model.backbone)]
    filled = [config.get("load_from"), *(part.get("checkpoint") for part in initialised)]
    if file := next(filter(None, filled), None):
        return _free_name(file)
    start = model.backbone.get("weights")
    if start is None or isinstance(start, str):
        return start
    file = Path(start["file"])
    return (name_of_file(file) if file.is_file() else None) or _free_name(file)


def _free_name(file: str | Path) -> str:
    """Return a name for a file of weights that is none of the catalogue."""
    return f"file:{plain(Path(file).name)}"[:LONGEST]


def _file_of(config: str | Path) -> Path:
    """Return the file of a config by its path, or by its name among ours. Raise FileNotFoundError if there is none."""
    for file in (Path(config), CONFIGS / f"{config}.py"):
        if file.is_file():
            return file
    raise FileNotFoundError(
        f"no config {config}: give a path, or one of {', '.join(config_names())}"
    )


def set_epochs(config: Config, epochs: int) -> None:
    """Make a run longer or shorter, and fit its schedule.

    Raises
    ------
    ValueError
        If `epochs` is below 1.
    """
    if epochs < 1:
        raise ValueError(f"--epochs {epochs}: it must be at least 1")
    before, config.train_cfg.max_epochs = config.train_cfg.max_epochs, epochs
    config.param_scheduler = shortened(config.get("param_scheduler") or [], before, epochs)


def _pretrain(config: Config, resume: bool) -> None:
    """Carry out a composed run, if it is not yet done."""
    _set_up_processes(config.launcher)
    config.world_size = get_world_size()
    if is_distributed() and not torch.cuda.is_available():  # mmengine's default names a GPU
        config.model_wrapper_cfg = dict(
            type="MMDistributedDataParallel",
            device_ids=None,
            find_unused_parameters=config.get("find_unused_parameters", False),
        )
    corpus = read_summary(config.train_dataloader.dataset.root)
    check_sizes(config, corpus.images, config.world_size)
    work_dir = Path(config.work_dir)
    last = latest_checkpoint(work_dir)
    if last and not resume:
        raise FileExistsError(
            f"{work_dir} holds a run, {last.name} of it: go on with --resume, or choose another --work-dir"
        )
    start = newest_whole(work_dir)
    if start and _is_finished(config, corpus, start[1]):
        print_once(
            f"{work_dir} has all {config.train_cfg.max_epochs} epochs: nothing is left to do"
        )
        return
    if resume and not start:
        print_once(f"{work_dir} holds no checkpoint: beginning anew")
    with telling_full(work_dir):
        work_dir.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            write_text(work_dir / "config.py", config.pretty_text)
        _train(config, start)


def _is_finished(config: Config, corpus: Summary, origin: Origin) -> bool:
    """Whether a run has done all that it is asked for; what is other than it was is said on stderr.

    Raises
    ------
    ValueError
        Naming the options and both values, if it is another run, or has done more.
    """
    now = terms_of(config, corpus.fingerprint, config.world_size)
    changes = check_terms(origin.terms, now, Path(config.work_dir))
    begun, epochs = origin.progress.epoch + 1, config.train_cfg.max_epochs
    if epochs < begun:
        raise ValueError(
            f"--epochs {epochs}: {config.work_dir} is in its epoch {begun}. Give at least {begun}, or choose another "
            "--work-dir"
        )
    loader = config.train_dataloader
    step = loader.batch_size * config.world_size
    done = epochs_done(origin.progress, corpus.images, step, loader.get("drop_last", False))
    for change in changes if done < epochs else ():
        print_once(f"going on after {origin.progress.images_seen} images: {change}")
    return done == epochs


def _train(config: Config, start: tuple[Path, Origin] | None) -> None:
    """Train from the beginning or from a checkpoint.

    Raises
    ------
    FloatingPointError
        If losses or weights are not finite. The message names the last good checkpoint.
    """
    if start:
        config.load_from, config.resume = str(start[0]), True
    runner = PretrainingRunner.from_cfg(config)
    if start:
        runner.progress = start[1].progress
    try:
        with _ending_with_logs(runner):
            runner.train()
    except FloatingPointError as error:
        last = latest_checkpoint(Path(config.work_dir))
        remedy = f"{last}: go on from there with --resume" if last else "none yet"
        raise FloatingPointError(f"{error}. The last good checkpoint: {remedy}") from error


@contextmanager
def _ending_with_logs(runner: Runner) -> Iterator[None]:
    """Let a full disk end the run in one line, where logging and TensorBoard would print a traceback each.

    Inside this context, a line of the log that cannot be written raises its error, and TensorBoard's thread ends
    silently. TensorBoard raises the thread's error at the next point of a curve.
    """
    folder, usual_hook = Path(runner.work_dir), threading.excepthook

    def raise_again(record: logging.LogRecord) -> None:
        raise  # the error that is being handled

    def end_silently(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is None or not by_full_disk(arguments.exc_value, folder):
            usual_hook(arguments)

    for handler in runner.logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = raise_again  # type: ignore[method-assign]
    threading.excepthook = end_silently
    try:
        yield
    finally:
        threading.excepthook = usual_hook


def _set_up_processes(launcher: str) -> None:
    """Join the other processes. Without a GPU they use gloo, which mmengine's own launcher does not offer."""
    if launcher == "none" or is_distributed():
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend="nccl")
    elif launcher == "pytorch":
        torch.distributed.init_process_group("gloo")
    else:
        raise ValueError("--launcher slurm needs a GPU in every process: on CPUs use pytorch")
