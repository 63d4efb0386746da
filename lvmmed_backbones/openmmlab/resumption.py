"""Resume a run of mmengine from a checkpoint that is data: its text is not run, its paths lead nowhere else."""

from __future__ import annotations

import multiprocessing
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn

from lvmmed_backbones.files.outside import MIB, Refused, opened, read_text, refusing, regular
from lvmmed_backbones.weights.reading import read

LAST = "last_checkpoint"  # mmengine's note of the newest one
REMEDY = "Remove it, and go on from an earlier checkpoint or begin anew"
# What mmengine's CheckpointHook goes on from; everything else of a message hub is written anew by the run itself.
KEPT = ("best_score", "best_ckpt", "last_ckpt", "keep_ckpt_ids")
OWN_FILES = ("best_ckpt", "last_ckpt")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a run of mmengine, in the run's own folder; None before the first.

    Raises
    ------
    Refused
        If the note of it names something else, or it is no regular file of this folder.
    """
    note = folder / LAST
    try:
        name = read_text(note, within=folder, most=MIB).strip()
    except FileNotFoundError:
        return None
    return own_file(name, folder, note)


def own_file(name: Any, folder: Path, where: Path) -> Path:
    """The file of a run's own folder that a note or a checkpoint names; of a path only the last part counts.

    Raises
    ------
    Refused
        Naming `where` it was read, if it is no name, or no regular file of this folder.
    """
    last = PurePath(name).name if isinstance(name, str) and name.isprintable() else ""
    if not last or len(last) > 255:
        raise Refused(where, f"names {name!r}, which is no file", REMEDY)
    try:
        return regular(folder / last, within=folder)
    except FileNotFoundError:
        raise Refused(where, f"names {last}, which is not in {folder}", REMEDY) from None


class CheckedRunner(Runner):
    """mmengine's runner, but for how it reads checkpoints.

    mmengine runs the config text inside a checkpoint that it resumes, loads what fits and only logs the rest, and
    deletes whatever folder the checkpoint calls its last best one. Here a checkpoint must have every parameter of the
    model, states that are like those of the run, and names of files in the run's own folder. A run that would train
    nothing, which mmengine counts as done, is an error.
    """

    def setup_env(self, env_cfg: dict) -> None:
        """Set the start method before mmengine does, which warns where it was another, as in most processes."""
        method = env_cfg.get("mp_cfg", {}).get("mp_start_method")
        if method:
            multiprocessing.set_start_method(method, force=True)
        super().setup_env(env_cfg)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Raises ValueError if no step comes out of the loader."""
        built = super().build_train_loop(loop)
        loader = built.dataloader
        # The length of an endless sampler tells nothing.
        if not len(loader) and not isinstance(loader.sampler, InfiniteSampler):
            raise ValueError(
                f"{len(loader.dataset)} images to train on do not fill a batch of "
                f"{loader.batch_sampler.batch_size} in each of {get_world_size()} processes: set "
                "train_dataloader.batch_size lower, train_dataloader.drop_last=False, or give more images"
            )
        return built

    def load_or_resume(self) -> None:
        """Raises Refused, naming the checkpoint, if it does not fit the run."""
        if self._has_loaded or not self._load_from:
            return super().load_or_resume()
        with refusing(self._load_from, REMEDY, "does not fit this run"):
            return super().load_or_resume()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """The content of a checkpoint, checked, its weights in the model."""
        file = regular(filename, within=Path(self.work_dir))
        check_sums(file)
        checkpoint = checked(read(file), file, Path(self.work_dir))
        self.check_place(checkpoint, file)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        load_all(model, checkpoint["state_dict"], file)
        check_optimizer(self.optim_wrapper.state_dict(), checkpoint.get("optimizer"), model, file)
        self._has_loaded = True
        self.logger.info(f"Load checkpoint from {file}")
        return checkpoint

    def check_place(self, checkpoint: dict, file: Path) -> None:
        """Raises Refused if a checkpoint lies beyond the run's end, or its schedule is not like that of the run."""
        meta = checkpoint["meta"]
        if meta["iter"] > self.train_loop.max_iters or meta["epoch"] > self.train_loop.max_epochs:
            raise Refused(
                file,
                f"is of step {meta['iter']}, beyond the run's last, {self.train_loop.max_iters}",
                REMEDY,
            )
        schedulers = [scheduler.state_dict() for scheduler in self.param_schedulers or []]
        check_alike(schedulers, checkpoint.get("param_schedulers", []), "param_schedulers", file)


def check_sums(file: Path) -> None:
    """Raises Refused if a part of a file that `torch.save` wrote differs from its checksum."""
    with opened(file) as content:
        if not zipfile.is_zipfile(content):
            return  # what it is instead, `read` says
        with refusing(file, REMEDY, "is cut off or damaged"), zipfile.ZipFile(content) as archive:
            spoilt = archive.testzip()
    if spoilt is not None:
        raise Refused(file, f"is damaged: {spoilt} differs from its checksum", REMEDY)


def checked(content: Mapping, file: Path, folder: Path) -> dict[str, Any]:
    """The parts of a checkpoint that a run goes on from, and nothing else of it.

    Raises
    ------
    Refused
        If one is missing, or not as mmengine writes it.
    """
    found: dict[str, Any] = {}
    for key in ("meta", "state_dict", "message_hub", "optimizer"):
        if not isinstance(content.get(key), Mapping):
            raise Refused(file, f"has no {key}: it is no checkpoint of a run", REMEDY)
        found[key] = dict(content[key])
    meta = found["meta"]
    numbers = {key: meta.get(key) for key in ("epoch", "iter", "seed")}
    for key in ("epoch", "iter"):
        if type(numbers[key]) is not int or numbers[key] < 0:
            raise Refused(file, f"has the {key} {numbers[key]!r}", REMEDY)
    if type(numbers["seed"]) not in (int, type(None)):
        raise Refused(file, f"has the seed {numbers['seed']!r}", REMEDY)
    found["meta"] = numbers | dict(dataset_meta=meta.get("dataset_meta"))
    found["message_hub"] = message_hub(found["message_hub"], file, folder)
    found["param_schedulers"] = content.get("param_schedulers", [])
    return found


def message_hub(state: Mapping, file: Path, folder: Path) -> dict[str, dict]:
    """The curves so far, and what the checkpoint hook goes on from."""
    for key in ("log_scalars", "runtime_info", "resumed_keys"):
        if not isinstance(state.get(key), Mapping):
            raise Refused(file, f"has no {key}: it is no checkpoint of a run", REMEDY)
    curves = {str(name): history(buffer, file) for name, buffer in state["log_scalars"].items()}
    facts: dict[str, Any] = {}
    for name, value in state["runtime_info"].items():
        kind = next((k for k in KEPT if str(name) == k or str(name).startswith(f"{k}_")), None)
        if kind in OWN_FILES:
            facts[name] = str(own_file(value, folder, file))
        elif kind == "best_score" and type(value) in (int, float):
            facts[name] = value
        elif kind == "keep_ckpt_ids" and all(type(v) is int for v in value):
            facts[name] = list(value)
        elif kind:
            raise Refused(file, f"has the {name} {value!r}", REMEDY)
    kept = dict.fromkeys((*curves, *facts), True)  # in the next checkpoint, too
    return dict(log_scalars=curves, runtime_info=facts, resumed_keys=kept)


def history(buffer: Any, file: Path) -> HistoryBuffer:
    """A curve of a message hub, made anew from its numbers."""
    parts: list[Any] = [getattr(buffer, name, None) for name in ("_log_history", "_count_history")]
    sound = isinstance(buffer, HistoryBuffer) and all(
        isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype.kind in "iuf"
        for part in parts
    )
    if not sound or len(parts[0]) != len(parts[1]):
        raise Refused(file, "has a curve that is no numbers", REMEDY)
    return HistoryBuffer(*(part.tolist() for part in parts))


def load_all(model: nn.Module, state: Mapping, file: Path) -> None:
    """Fill a model with the state of a checkpoint of the same model.

    Raises
    ------
    Refused
        If an entry is missing, too much, of another shape, or holds what is no number.
    """
    wanted = model.state_dict()
    wrong = sorted(
        str(name)
        for name in {*wanted, *state}
        if name not in wanted
        or not isinstance(state.get(name), Tensor)
        or state[name].shape != wanted[name].shape
    )
    if wrong:
        several = ", ".join(wrong[:5])
        raise Refused(
            file,
            f"differs from the run's model in {len(wrong)} of {len(wanted)} entries, such as {several}",
            "Go on with the config that it was trained with",
        )
    spoilt = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if spoilt:
        raise Refused(file, f"holds {spoilt[0]} with values that are no numbers", REMEDY)
    model.load_state_dict(dict(state))


def check_optimizer(ours: Mapping, theirs: Any, model: nn.Module, file: Path) -> None:
    """Raises Refused unless an optimizer's state is like that of the run's own."""
    check_alike(ours["param_groups"], theirs.get("param_groups"), "optimizer.param_groups", file)
    known = {k: v for k, v in ours.items() if k not in ("state", "param_groups")}
    rest = {k: v for k, v in theirs.items() if k not in ("state", "param_groups")}
    check_alike(known, rest, "optimizer", file)
    shapes = {tuple(p.shape) for p in model.parameters()} | {()}
    state = theirs.get("state")
    if not isinstance(state, Mapping) or not all(isinstance(s, Mapping) for s in state.values()):
        raise Refused(file, "has no state of its optimizer", REMEDY)
    for number, values in state.items():
        for name, value in values.items():
            if (
                isinstance(value, Tensor)
                and tuple(value.shape) in shapes
                and value.device.type == "cpu"
            ):
                continue
            if not isinstance(value, (int, float, type(None))):
                raise Refused(
                    file, f"has optimizer.state.{number}.{name} that fits no parameter", REMEDY
                )


def check_alike(ours: Any, theirs: Any, where: str, file: Path) -> None:
    """Raises Refused, naming the place, where plain data differs in kind: other keys, lengths or types."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        if differing := sorted(map(str, set(ours) ^ set(theirs))):
            raise Refused(file, f"differs in {where}: {', '.join(differing[:5])}", REMEDY)
        for key in ours:
            check_alike(ours[key], theirs[key], f"{where}.{key}", file)
    elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        if len(ours) != len(theirs):
            raise Refused(file, f"has {len(theirs)} {where}, the run {len(ours)}", REMEDY)
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            check_alike(one, other, f"{where}.{number}", file)
    elif kind_of(ours) != kind_of(theirs) and None not in (ours, theirs):
        raise Refused(file, f"has {where} of another kind than the run", REMEDY)


def kind_of(value: Any) -> type:
    """Numbers are one kind."""
    return float if isinstance(value, (bool, int, float, np.number)) else type(value)
