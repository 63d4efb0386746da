"""The tasks: a config each in `configs` (the paper's) and `configs/open`, and those that plugins register."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.plugins import load_installed

if TYPE_CHECKING:
    from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parent / "configs"
OPEN = CONFIGS / "open"
_registered: dict[str, Config] = {}


def register(config: str | Path | Config) -> None:
    """Add a task.

    Parameters
    ----------
    config : str, Path or Config
        An mmengine config or its file, which may have one of ours as `_base_`; its `task.name` is the task's.

    Raises
    ------
    ValueError
        If it does not say `task = dict(name=...)`, or another task has the name.
    """
    if isinstance(config, str | Path):
        config = _read(Path(config))
    name = config.get("task", {}).get("name")
    if not isinstance(name, str):
        raise ValueError(f"{config.filename}: it must say task = dict(name=..., ...)")
    if name in _shipped() or _registered.get(name, config) != config:
        raise ValueError(f"{config.filename}: there is another task called {name}. Rename it")
    _registered[name] = config


def _shipped() -> dict[str, Path]:
    """Return the files of the configs beside this module, by name."""
    return {file.stem: file for folder in (CONFIGS, OPEN) for file in folder.glob("*.py")}


def paper_names() -> list[str]:
    """Return the names of the tasks of the paper, and of those that plugins register: all but the open ones."""
    return sorted({*names()} - {*open_names()})


def open_names() -> list[str]:
    """Return the names of the open tasks: their data sets come with the suite."""
    return sorted(file.stem for file in OPEN.glob("*.py"))


def names() -> list[str]:
    """Return the names of all tasks."""
    load_installed()
    return sorted({*_shipped(), *_registered})


def check(name: str) -> None:
    """Raise ValueError if there is no task of this name; the message has names that come close."""
    if name not in names():
        raise unknown_name("task", name, names())


@cache
def get(name: str) -> Config:
    """Return a task config, which is read once. Change a copy of it, not the config itself.

    Raises
    ------
    ValueError
        As `check`.
    """
    check(name)
    return _registered[name] if name in _registered else _read(_shipped()[name])


def _read(file: Path) -> Config:
    from mmengine.config import (
        Config,  # here, since it imports torch, which listing names does not need
    )

    return Config.fromfile(file)
