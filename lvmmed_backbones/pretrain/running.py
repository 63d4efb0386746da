"""Pretrain a backbone: a config and a corpus give checkpoints and curves."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, init_dist, is_distributed, is_main_process
from mmengine.runner import Runner

from lvmmed_backbones.corpus.manifest import Summary, read_summary
from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.files.writing import by_full_disk, telling_full, write_text
from lvmmed_backbones.pretrain.composing import compose
from lvmmed_backbones.pretrain.hooks import latest_checkpoint
from lvmmed_backbones.pretrain.origin import Origin
from lvmmed_backbones.pretrain.parts import naming_parts
from lvmmed_backbones.pretrain.resumption import (
    PretrainingRunner,
    epochs_done,
    newest_whole,
    print_once,
)
from lvmmed_backbones.pretrain.sizes import check_sizes
from lvmmed_backbones.pretrain.terms import check_terms, terms_of

LAUNCHERS = {"pytorch": ("torchrun", "RANK"), "slurm": ("srun", "SLURM_PROCID")}


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
    try:
        with naming_parts(config):
            runner = PretrainingRunner.from_cfg(config)
            if start:
                runner.progress = start[1].progress
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
    """Join the other processes. Without a GPU they use gloo, which mmengine's own launcher does not offer.

    Raises
    ------
    ValueError
        If there is no such launcher, it did not start this process, or there is no GPU, which slurm
        needs.
    """
    if launcher == "none" or is_distributed():
        return
    if launcher not in LAUNCHERS:
        raise unknown_name("launcher", launcher, ("none", *LAUNCHERS))
    command, number = LAUNCHERS[launcher]
    if number not in os.environ:
        raise ValueError(f"--launcher {launcher}: {number} is not set. Start this with {command}")
    if torch.cuda.is_available():
        init_dist(launcher, backend="nccl")
    elif launcher == "pytorch":
        torch.distributed.init_process_group("gloo")
    else:
        raise ValueError("--launcher slurm needs a GPU in every process: on CPUs use pytorch")
