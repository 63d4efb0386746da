"""Say in one line what goes wrong in a part of a config: where, and what; the traceback lies in the run's folder."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry.build_functions import build_from_cfg, build_scheduler_from_cfg
from mmengine.runner import Runner
from torch import nn

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import write_text

ERROR = "error.txt"
SHOWN = 200  # characters of a field
OF_TYPES = build_from_cfg.__code__, build_scheduler_from_cfg.__code__
OF_FIELDS = {
    Runner.build_dataloader.__code__: "train_dataloader",
    Runner.build_optim_wrapper.__code__: "optim_wrapper",
}


@contextmanager
def naming_parts(config: Config) -> Iterator[None]:
    """Name the part of a config in whose building, or in whose forward pass, an error is raised.

    Parameters
    ----------
    config : Config
        Of the run; error.txt in its folder gets the traceback.

    Raises
    ------
    ValueError
        In place of an error of such a part. Files that cannot be read or written, numbers that are not finite and
        packages that are missing tell themselves what is wrong.
    """
    file = Path(config.work_dir) / ERROR
    file.unlink(missing_ok=True)
    try:
        yield
    except (OSError, ArithmeticError, ModuleNotFoundError):
        raise
    except torch.OutOfMemoryError as error:
        raise ValueError(
            f"{error}. train_dataloader.batch_size is {config.train_dataloader.batch_size}: set it lower, and "
            "optim_wrapper.accumulative_counts higher"
        ) from error
    except Exception as error:
        part = _part_of(error, config)
        if not part:
            raise
        write_text(file, "".join(traceback.format_exception(error)))
        message = error.args[0] if isinstance(error, KeyError) else error  # whose text has quotes
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{part}: {kind}{message} (traceback: {file})") from error


def _part_of(error: Exception, config: Config) -> str:
    """Return the innermost part in the traceback: a field or a type that is being built, or a place in the model."""
    part, children = "", {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        code, names = frame.f_code, frame.f_locals
        own = names.get("self")
        if code is Runner.__init__.__code__:
            part = "the config"
        elif code in OF_FIELDS:
            part = f"{OF_FIELDS[code]}={plain(config[OF_FIELDS[code]], SHOWN)}"
        elif code in OF_TYPES:
            built = names["cfg"]
            kind = built.get("type") if isinstance(built, dict) else built
            part = f"the part {getattr(kind, '__name__', kind) or built}"
        elif isinstance(own, BaseModel):
            children = {id(child): name for name, child in own.named_children()}
        elif isinstance(own, nn.Module) and id(own) in children:
            part = f"model.{children[id(own)]}"
    return part
