"""The tasks: the configs of `configs` (the paper's, `prompt` and `open`), of `configs/release`, and those of plugins.

A task has the suite's recipe, and may have a second one: the protocol as the authors of LVM-Med released it. The tasks
NAME_fcns, NAME with several layers in place of one, have this one alone.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.plugins import load_installed
from lvmmed_backbones.records import RECIPES, RELEASE, SUITE

if TYPE_CHECKING:
    from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parent / "configs"
PROMPT, OPEN, RELEASED = (CONFIGS / folder for folder in ("prompt", "open", "release"))
NEEDED = ("name", "version", "dataset", "kind", "protocol", "headline")  # of the entry `task`
_folders: dict[str, tuple[Path, ...]] = {SUITE: (CONFIGS, PROMPT, OPEN), RELEASE: (RELEASED,)}
_registered: dict[tuple[str, str], Config] = {}  # by name and recipe


def register(config: str | Path | Config) -> None:
    """Add a task, or to a task the recipe 'release'.

    Parameters
    ----------
    config : str, Path or Config
        An mmengine config or its file, which may have one of ours as `_base_`; its `task.name` is the task's, and its
        `task.recipe` 'suite' (the default) or 'release'. The hooks that no run may be without are added to it.

    Raises
    ------
    ValueError
        As `tasks.checking.checked`, or if another task has the name.
    """
    from tasks.checking import checked

    config = _read(Path(config)) if isinstance(config, str | Path) else checked(config)
    name, recipe = config.task.name, config.task.get("recipe", SUITE)
    if name in _shipped(recipe) or _registered.get((name, recipe), config) != config:
        raise ValueError(f"{config.filename}: there is another task called {name}. Rename it")
    _registered[name, recipe] = config


def _shipped(recipe: str) -> dict[str, Path]:
    """Return the files of the configs beside this module, by name."""
    return {file.stem: file for folder in _folders[recipe] for file in folder.glob("*.py")}


def paper_names() -> list[str]:
    """Return the tasks of the paper, and those that plugins register: all but the open and the prompted ones."""
    return sorted({*names()} - {*open_names(), *prompt_names()})


def open_names() -> list[str]:
    """Return the names of the open tasks: their data sets come with the suite."""
    return sorted(file.stem for file in OPEN.glob("*.py"))


def prompt_names() -> list[str]:
    """Return the names of the prompted tasks: Segment Anything gets a box of each image."""
    return sorted(file.stem for file in PROMPT.glob("*.py"))


def release_names() -> list[str]:
    """Return the names of the tasks that have a released protocol."""
    return _names(RELEASE)


def names() -> list[str]:
    """Return the names of all tasks."""
    return _names(SUITE)


def _names(recipe: str) -> list[str]:
    load_installed()
    registered = {name for name, of_recipe in _registered if of_recipe == recipe}
    return sorted({*_shipped(recipe), *registered})


def check(name: str, recipe: str = SUITE) -> None:
    """Raise ValueError if there is no task of this name with this recipe; the message has names to choose from."""
    if recipe not in RECIPES:
        raise ValueError(f"no recipe {recipe!r}: choose from {', '.join(RECIPES)}")
    known = _names(recipe)
    if name in known:
        return
    if name in release_names():
        raise ValueError(f"{name} has no recipe {recipe!r}: add --recipe {RELEASE}")
    if name in names():
        raise ValueError(
            f"{name} has no recipe {recipe!r}: choose from {', '.join(known)}, or --recipe {SUITE}"
        )
    raise unknown_name("task", name, sorted({*known, *names()}))


def get(name: str, recipe: str = SUITE) -> Config:
    """Return a task config, which is read once. Change a copy of it, not the config itself.

    Parameters
    ----------
    name : str
        Name of the task.
    recipe : {'suite', 'release'}
        Whose protocol: the suite's, or the one that the authors of LVM-Med released.

    Raises
    ------
    ValueError
        As `check` and `tasks.checking.checked`; if a file of this folder has another name than its task.
    """
    check(name, recipe)
    key = name, recipe
    if key in _registered:
        return _registered[key]
    file = _shipped(recipe)[name]
    config = _read(file)
    if config.task.name != name:
        raise ValueError(
            f"{file}: task.name={config.task.name!r}: it must be the file's name, {name!r}"
        )
    return config


def facts(name: str, recipe: str = SUITE) -> Mapping[str, Any]:
    """Return the entry `task` of a task config: its name, version, dataset, kind, protocol and so on.

    A config that says `task = dict(...)` whole, in constants, is not composed for it: that takes half a second, and
    torch.

    Parameters
    ----------
    name, recipe : str
        As of `get`.

    Raises
    ------
    ValueError
        As `check`.
    """
    check(name, recipe)
    if (name, recipe) not in _registered:
        with suppress(SyntaxError, OSError):  # which `get` tells
            said = _said(_shipped(recipe)[name])
            if {*NEEDED} <= {*said}:
                return said
    return get(name, recipe).task


@cache
def _said(file: Path) -> dict[str, Any]:
    """Return what a config, and those of this folder that it is based on, say of its `task` in constants."""
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="_base_" | "task" as name)], value=value):
                with suppress(ValueError):
                    said = _constant(value)
                    if name == "task":
                        found |= said
                    for base in (
                        (said if isinstance(said, list) else [said]) if name == "_base_" else ()
                    ):
                        if "::" not in base:  # a config of OpenMMLab, which knows no tasks
                            found |= _said((file.parent / base).resolve())
    return found


def _constant(node: ast.expr) -> Any:
    """Return the value of an expression of constants and dict(...).

    Raises
    ------
    ValueError
        If it is another one.
    """
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
            return {word.arg: _constant(word.value) for word in words if word.arg}
    return ast.literal_eval(node)


def label(name: str, recipe: str) -> str:
    """Return the name of a task in texts, with its recipe where it is not the suite's."""
    return name if recipe == SUITE else f"{name} ({recipe})"


@cache
def _read(file: Path) -> Config:
    # here, since they import torch, which listing names does not need
    from lvmmed_backbones.openmmlab.configs import read_config
    from tasks.checking import checked

    return checked(read_config(file))
