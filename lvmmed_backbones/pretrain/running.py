"""`python -m lvmmed_backbones pretrain` and `export`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import get_world_size, init_dist, is_distributed, is_main_process

from lvmmed_backbones import catalogue
from lvmmed_backbones.corpus.manifest import Summary, read_summary
from lvmmed_backbones.pretrain.exporting import export
from lvmmed_backbones.pretrain.hooks import latest_checkpoint
from lvmmed_backbones.pretrain.logs import ending_with_logs
from lvmmed_backbones.pretrain.origin import Origin
from lvmmed_backbones.pretrain.resumption import PretrainingRunner, epochs_done, newest_whole, say
from lvmmed_backbones.pretrain.sizes import check_sizes
from lvmmed_backbones.pretrain.terms import check_terms, shortened, terms_of
from lvmmed_backbones.revision import git_revision
from lvmmed_backbones.writing import telling_full, write_text

CONFIGS = Path(__file__).resolve().parent / "configs"


def add_pretrain_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `pretrain`."""
    parser.add_argument(
        "config", help=f"a config's path, or the name of one of ours: {', '.join(config_names())}"
    )
    parser.add_argument("--corpus", required=True, help="folder or URL of a corpus (corpus build)")
    parser.add_argument(
        "--work-dir", type=Path, help="of checkpoints and curves; default: pretraining/CONFIG"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    parser.add_argument(
        "--epochs", type=int, help="instead of the config's; the learning rate's schedule follows"
    )
    parser.add_argument("--launcher", choices=("none", "pytorch", "slurm"), default="none")
    parser.add_argument(
        "--probe", type=Path, help="a folder of labelled images, one folder per class"
    )
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, default={}, help="KEY=VALUE of the config"
    )


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `export`."""
    parser.add_argument("run", type=Path, help="the folder of a pretraining run, or a checkpoint")
    parser.add_argument("name", help="of the backbone in the catalogue")
    parser.add_argument(
        "--out", type=Path, default=catalogue.folders()[-1], help="folder; default: %(default)s"
    )
    parser.add_argument(
        "--by-seed",
        action="store_true",
        help="the backbone is pretrained with several seeds: write NAME/SEED.safetensors, SEED that of the run; "
        "a benchmark with seed S takes the file of S",
    )


def run_export(options: argparse.Namespace) -> int:
    """Write the backbone, say where it lies; the exit code."""
    if options.name in catalogue.names() and options.name not in catalogue.exported():
        raise ValueError(f"{options.name} is the name of a backbone of ours: choose another")
    print(export(options.run, options.out / f"{options.name}.safetensors", options.by_seed))
    return 0


def run_pretrain(options: argparse.Namespace) -> int:
    """Train; the exit code."""
    config = compose(options)
    set_up_processes(options.launcher)
    config.world_size = get_world_size()
    if is_distributed() and not torch.cuda.is_available():  # mmengine's default names a GPU
        config.model_wrapper_cfg = dict(
            type="MMDistributedDataParallel",
            device_ids=None,
            find_unused_parameters=config.get("find_unused_parameters", False),
        )
    corpus = read_corpus(options.corpus)
    check_sizes(config, corpus.images, config.world_size)
    work_dir = Path(config.work_dir)
    last = latest_checkpoint(work_dir)
    if last and not options.resume:
        raise FileExistsError(
            f"{work_dir} holds a run, {last.name} of it: go on with --resume, or choose another --work-dir"
        )
    start = newest_whole(work_dir)
    if start and is_finished(config, corpus, start[1]):
        say(f"{work_dir} has all {config.train_cfg.max_epochs} epochs: nothing is left to do")
        return 0
    if options.resume and not start:
        say(f"{work_dir} holds no checkpoint: beginning anew")
    with telling_full(work_dir):
        work_dir.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            write_text(work_dir / "config.py", config.pretty_text)
        train(config, start)
    return 0


def read_corpus(root: str) -> Summary:
    """What a corpus says of itself.

    Raises:
        FileNotFoundError: if there is none; Refused: if it is spoilt.
    """
    try:
        return read_summary(root)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{root} holds no corpus: `python -m lvmmed_backbones corpus build SOURCE... --out {root}`"
        ) from None


def is_finished(config: Config, corpus: Summary, origin: Origin) -> bool:
    """Whether a run has done all that it is asked for; what is other than it was is said on stderr.

    Raises:
        ValueError: naming the options and both values, if it is another run, or has done more.
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
        say(f"going on after {origin.progress.images_seen} images: {change}")
    return done == epochs


def train(config: Config, start: tuple[Path, Origin] | None) -> None:
    """Train, from the beginning or from a checkpoint.

    Raises:
        FloatingPointError: naming the last good checkpoint, where losses or weights are no numbers any more.
    """
    if start:
        config.load_from, config.resume = str(start[0]), True
    runner = PretrainingRunner.from_cfg(config)
    if start:
        runner.progress = start[1].progress
    try:
        with ending_with_logs(runner):
            runner.train()
    except FloatingPointError as error:
        last = latest_checkpoint(Path(config.work_dir))
        how = f"{last}: go on from there with --resume" if last else "none yet"
        raise FloatingPointError(f"{error}. The last good checkpoint: {how}") from error


def compose(options: argparse.Namespace) -> Config:
    """The whole config of a run.

    Raises:
        FileNotFoundError: if there is no such config.
    """
    file = Path(options.config)
    if not file.is_file() and (CONFIGS / f"{options.config}.py").is_file():
        file = CONFIGS / f"{options.config}.py"
    if not file.is_file():
        raise FileNotFoundError(
            f"no config {options.config}: give a path, or one of {', '.join(config_names())}"
        )
    config = Config.fromfile(file)
    config.merge_from_dict(options.cfg_options)
    if options.epochs is not None:
        set_epochs(config, options.epochs)
    config.work_dir = str(options.work_dir or Path("pretraining") / file.stem)
    config.launcher = options.launcher
    config.git_revision = git_revision()
    config.train_dataloader.dataset.root = options.corpus
    config.train_dataloader.dataset.seed = config.randomness.seed
    if options.probe:
        crops = config.train_dataloader.dataset.pipeline[0].crops
        config.custom_hooks.append(
            dict(type="NeighbourProbeHook", folder=str(options.probe), size=crops[0].size)
        )
    start = config.model.backbone.get("weights")
    if isinstance(start, str):  # a name of the catalogue
        config.begins_with = start
        backbone = catalogue.get(start).model("maps", 224)
        config.model.backbone.weights = backbone.get("weights")
    return config


def set_epochs(config: Config, epochs: int) -> None:
    """Make a run longer or shorter, and what of its schedule lasts to its end with it.

    Raises:
        ValueError: if `epochs` is below 1.
    """
    if epochs < 1:
        raise ValueError(f"--epochs {epochs}: it must be at least 1")
    before, config.train_cfg.max_epochs = config.train_cfg.max_epochs, epochs
    config.param_scheduler = shortened(config.get("param_scheduler") or [], before, epochs)


def set_up_processes(launcher: str) -> None:
    """Join the other processes; without a GPU by gloo, which mmengine's own launcher does not."""
    if launcher == "none" or is_distributed():
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend="nccl")
    elif launcher == "pytorch":
        torch.distributed.init_process_group("gloo")
    else:
        raise ValueError("--launcher slurm needs a GPU in every process: on CPUs use pytorch")


def config_names() -> list[str]:
    """The shipped configs."""
    return sorted(file.stem for file in CONFIGS.glob("*.py"))
