"""Resume a run of mmengine from a checkpoint as data: no text in it is run, no path in it leaves the run's folder."""

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
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn

from lvmmed_backbones.files.outside import MIB, Refused, opened, read_text, refusing, regular
from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.weights.reading import read

LAST = "last_checkpoint"  # the file in which mmengine names the newest checkpoint
REMEDY = "Remove it, and go on from an earlier checkpoint or begin anew"
# What mmengine's CheckpointHook needs of a message hub to go on; the run itself writes the rest anew.
KEPT = ("best_score", "best_ckpt", "last_ckpt", "keep_ckpt_ids")
OWN_FILES = ("best_ckpt", "last_ckpt")


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint of a run of mmengine; None before the first.

    Raises
    ------
    Refused
        If mmengine's note names anything but a regular file in the run's own folder.
    """
    note = folder / LAST
    try:
        name = read_text(note, within=folder, most=MIB).strip()
    except FileNotFoundError:
        return None
    return own_file(name, folder, note)


def own_file(name: Any, folder: Path, where: Path) -> Path:
    """Return the file in a run's own folder that a note or a checkpoint names; only the last part of a path counts.

    Raises
    ------
    Refused
        If it is no name, or no regular file in this folder. The message names `where` it was read.
    """
    file_name = PurePath(name).name if isinstance(name, str) and name.isprintable() else ""
    if not file_name or len(file_name) > 255:
        raise Refused(where, f"names {name!r}, which is no file", REMEDY)
    try:
        return regular(folder / file_name, within=folder)
    except FileNotFoundError:
        raise Refused(where, f"names {file_name}, which is not in {folder}", REMEDY) from None


class CheckedRunner(Runner):
    """mmengine's runner with checks of checkpoints.

    mmengine runs the config text in a checkpoint that it resumes, loads the weights that fit and only logs the rest,
    and deletes any folder that the checkpoint names as its last best one. Here a checkpoint must have every parameter
    of the model, states like those of the run, and names of files in the run's own folder. A run that would train
    nothing is an error; for mmengine it is done.
    """

    def setup_env(self, env_cfg: dict) -> None:
        """Set the start method before mmengine does, because mmengine warns when it changes the method."""
        method = env_cfg.get("mp_cfg", {}).get("mp_start_method")
        if method:
            multiprocessing.set_start_method(method, force=True)
        super().setup_env(env_cfg)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the loop. Raise ValueError if the loader gives no step."""
        built = super().build_train_loop(loop)
        loader = built.dataloader
        # An endless sampler has no meaningful length.
        if not len(loader) and not isinstance(loader.sampler, InfiniteSampler):
            raise ValueError(
                f"{len(loader.dataset)} images to train on do not fill a batch of "
                f"{loader.batch_sampler.batch_size} in each of {get_world_size()} processes: set "
                "train_dataloader.batch_size lower, train_dataloader.drop_last=False, or give more images"
            )
        return built

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper | OptimWrapperDict:
        """Build as mmengine does, and warn of each of `custom_keys` that is in no parameter's name: it does nothing."""
        options = optim_wrapper.get("paramwise_cfg") if isinstance(optim_wrapper, dict) else None
        keys = options.get("custom_keys") if isinstance(options, dict) else None
        names = [name for name, _ in unwrapped(self).named_parameters()]
        for key in keys if isinstance(keys, dict) else ():
            if not any(key in name for name in names):
                self.logger.warning(
                    f"optim_wrapper.paramwise_cfg.custom_keys: {key!r} is in no parameter's name (the first is "
                    f"{names[0]})"
                )
        return super().build_optim_wrapper(optim_wrapper)

    def load_or_resume(self) -> None:
        """Load the checkpoint. Raise Refused, with its name, if it does not fit the run."""
        if self._has_loaded or not self._load_from:
            return super().load_or_resume()
        with refusing(self._load_from, REMEDY, "does not fit this run"):
            return super().load_or_resume()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load a checkpoint's weights into the model, and return its checked content."""
        file = regular(filename, within=Path(self.work_dir))
        check_sums(file)
        checkpoint = checked_checkpoint(read(file), file, Path(self.work_dir))
        self.check_place(checkpoint, file)
        model = unwrapped(self)
        load_all(model, checkpoint["state_dict"], file)
        _check_optimizer(self.optim_wrapper.state_dict(), checkpoint.get("optimizer"), model, file)
        self._has_loaded = True
        self.logger.info(f"Load checkpoint from {file}")
        return checkpoint

    def check_place(self, checkpoint: dict, file: Path) -> None:
        """Raise Refused if a checkpoint lies beyond the run's end, or its schedule is not like the run's."""
        meta, last = checkpoint["meta"], self.train_loop.max_iters
        if meta["iter"] > last or meta["epoch"] > self.train_loop.max_epochs:
            raise Refused(file, f"is of step {meta['iter']}, beyond the run's last, {last}", REMEDY)
        schedulers = [scheduler.state_dict() for scheduler in self.param_schedulers or []]
        _check_alike(schedulers, checkpoint.get("param_schedulers", []), "param_schedulers", file)


def check_sums(file: Path) -> None:
    """Raise Refused if a part of a file that `torch.save` wrote differs from its checksum."""
    with opened(file) as content:
        if not zipfile.is_zipfile(content):
            return  # `read` refuses it
        with refusing(file, REMEDY, "is cut off or damaged"), zipfile.ZipFile(content) as archive:
            spoilt = archive.testzip()
    if spoilt is not None:
        raise Refused(file, f"is damaged: {spoilt} differs from its checksum", REMEDY)


def checked_checkpoint(content: Mapping, file: Path, folder: Path) -> dict[str, Any]:
    """Return only those parts of a checkpoint that a run needs to go on.

    Raises
    ------
    Refused
        If a part is missing, or is not as mmengine writes it.
    """
    parts: dict[str, Any] = {}
    for key in ("meta", "state_dict", "message_hub", "optimizer"):
        if not isinstance(content.get(key), Mapping):
            raise Refused(file, f"has no {key}: it is no checkpoint of a run", REMEDY)
        parts[key] = dict(content[key])
    meta = parts["meta"]
    numbers = {key: meta.get(key) for key in ("epoch", "iter", "seed")}
    for key in ("epoch", "iter"):
        if type(numbers[key]) is not int or numbers[key] < 0:
            raise Refused(file, f"has the {key} {numbers[key]!r}", REMEDY)
    if type(numbers["seed"]) not in (int, type(None)):
        raise Refused(file, f"has the seed {numbers['seed']!r}", REMEDY)
    parts["meta"] = numbers | dict(dataset_meta=meta.get("dataset_meta"))
    parts["message_hub"] = _checked_message_hub(parts["message_hub"], file, folder)
    parts["param_schedulers"] = content.get("param_schedulers", [])
    return parts


def _checked_message_hub(state: Mapping, file: Path, folder: Path) -> dict[str, dict]:
    """Return the curves so far, and what the checkpoint hook needs to go on."""
    for key in ("log_scalars", "runtime_info", "resumed_keys"):
        if not isinstance(state.get(key), Mapping):
            raise Refused(file, f"has no {key}: it is no checkpoint of a run", REMEDY)
    curves = {
        str(name): _checked_history(buffer, file) for name, buffer in state["log_scalars"].items()
    }
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


def _checked_history(buffer: Any, file: Path) -> HistoryBuffer:
    """Return a curve of a message hub, made anew from its numbers."""
    arrays: list[Any] = [getattr(buffer, name, None) for name in ("_log_history", "_count_history")]
    sound = isinstance(buffer, HistoryBuffer) and all(
        isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype.kind in "iuf"
        for array in arrays
    )
    if not sound or len(arrays[0]) != len(arrays[1]):
        raise Refused(file, "has a curve that is no numbers", REMEDY)
    return HistoryBuffer(*(array.tolist() for array in arrays))


def load_all(model: nn.Module, state: Mapping, file: Path) -> None:
    """Fill a model with the state of a checkpoint of the same model.

    Raises
    ------
    Refused
        If an entry is missing, is not the model's, has another shape, or holds values that are no numbers.
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
        raise Refused(
            file,
            f"differs from the run's model in {len(wrong)} of {len(wanted)} entries, such as {', '.join(wrong[:5])}",
            "Go on with the config that it was trained with",
        )
    spoilt = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if spoilt:
        raise Refused(file, f"holds {spoilt[0]} with values that are no numbers", REMEDY)
    model.load_state_dict(dict(state))


def _check_optimizer(ours: Mapping, theirs: Any, model: nn.Module, file: Path) -> None:
    """Raise Refused unless an optimizer's state is like that of the run's own optimizer."""
    _check_alike(ours["param_groups"], theirs.get("param_groups"), "optimizer.param_groups", file)
    our_rest, their_rest = (
        {k: v for k, v in state.items() if k not in ("state", "param_groups")}
        for state in (ours, theirs)
    )
    _check_alike(our_rest, their_rest, "optimizer", file)
    shapes = {tuple(p.shape) for p in model.parameters()} | {()}
    state = theirs.get("state")
    if not isinstance(state, Mapping) or not all(isinstance(s, Mapping) for s in state.values()):
        raise Refused(file, "has no state of its optimizer", REMEDY)
    for number, values in state.items():
        for name, value in values.items():
            fits = isinstance(value, Tensor) and tuple(value.shape) in shapes
            fits &= getattr(value, "device", None) == torch.device("cpu")
            if not fits and not isinstance(value, (int, float, type(None))):
                reason = f"has optimizer.state.{number}.{name} that fits no parameter"
                raise Refused(file, reason, REMEDY)


def _check_alike(ours: Any, theirs: Any, where: str, file: Path) -> None:
    """Raise Refused, with the place, if plain data has other keys, lengths or types than the run's."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        if differing := sorted(map(str, set(ours) ^ set(theirs))):
            raise Refused(file, f"differs in {where}: {', '.join(differing[:5])}", REMEDY)
        for key in ours:
            _check_alike(ours[key], theirs[key], f"{where}.{key}", file)
    elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        if len(ours) != len(theirs):
            raise Refused(file, f"has {len(theirs)} {where}, the run {len(ours)}", REMEDY)
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            _check_alike(*pair, f"{where}.{number}", file)
    elif _kind_of(ours) != _kind_of(theirs) and None not in (ours, theirs):
        raise Refused(file, f"has {where} of another kind than the run", REMEDY)


def _kind_of(value: Any) -> type:
    """Return the type of a value; all numbers count as one type."""
    return float if isinstance(value, (bool, int, float, np.number)) else type(value)
