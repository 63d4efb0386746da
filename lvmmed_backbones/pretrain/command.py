"""`python -m lvmmed_backbones pretrain` and `export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import get_world_size, init_dist, is_distributed

from lvmmed_backbones import catalogue
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.pretrain.export import export
from lvmmed_backbones.pretrain.hooks import latest_checkpoint
from lvmmed_backbones.revision import git_revision

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
    work_dir = Path(config.work_dir)
    last = latest_checkpoint(work_dir)
    if last and not options.resume:
        raise FileExistsError(
            f"{work_dir} holds a run, {last.name} of it: go on with --resume, or choose another --work-dir"
        )
    if options.resume and last:
        config.load_from, config.resume = str(last), True
    elif options.resume:
        print(f"{work_dir} holds no checkpoint: beginning anew", file=sys.stderr)
    work_dir.mkdir(parents=True, exist_ok=True)
    config.dump(work_dir / "config.py")
    try:
        CheckedRunner.from_cfg(config).train()
    except FloatingPointError as error:
        last = latest_checkpoint(work_dir)
        raise FloatingPointError(
            f"{error}. The last good checkpoint: {last or 'none yet'}"
            + (": go on from there with --resume" if last else "")
        ) from error
    return 0


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
        backbone = catalogue.get(start).model("maps", 224)
        config.model.backbone.weights = backbone.get("weights")
    return config


def set_epochs(config: Config, epochs: int) -> None:
    """Make a run longer or shorter, and what of its schedule lasts to its end with it.

    Raises:
        ValueError: if `epochs` is below 1.
    """
    if epochs < 1:
        raise ValueError(f"--epochs {epochs}: at least 1 is wanted")
    before, config.train_cfg.max_epochs = config.train_cfg.max_epochs, epochs
    schedule = [
        part for part in config.get("param_scheduler") or [] if part.get("begin", 0) < epochs
    ]
    for part in schedule:
        part.end = epochs if part.end == before else min(part.end, epochs)
    config.param_scheduler = schedule


def set_up_processes(launcher: str) -> None:
    """Join the other processes; without a GPU by gloo, which mmengine's own launcher does not."""
    if launcher == "none" or is_distributed():
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend="nccl")
    elif launcher == "pytorch":
        torch.distributed.init_process_group("gloo")
    else:
        raise ValueError("--launcher slurm wants a GPU in every process; on CPUs use pytorch")


def config_names() -> list[str]:
    """The shipped configs."""
    return sorted(file.stem for file in CONFIGS.glob("*.py"))
