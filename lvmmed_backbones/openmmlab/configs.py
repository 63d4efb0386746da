"""Configs of mmengine as strangers write them: what is wrong is said in one line, also what mmengine would not say."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

from mmengine import registry as registries
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from lvmmed_backbones.display import plain, unknown_name

# What a runner reads of a config, other than `run` says itself. All other names of a config are for its text alone.
FIELDS = (
    *(set(inspect.signature(Runner).parameters) - {"work_dir", "resume", "launcher", "cfg"}),
    *("sync_bn", "model_wrapper_cfg", "find_unused_parameters", "compile"),
    *("activation_checkpointing", "efficient_conv_bn_eval"),
)
# What mmengine reads of these; about any other name it is silent.
NAMES = {
    "env_cfg": ("cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"),
    "optim_wrapper.paramwise_cfg": (
        *("custom_keys", "bypass_duplicate", "bias_lr_mult", "dcn_offset_lr_mult"),
        *(f"{kind}_decay_mult" for kind in ("bias", "norm", "dwconv", "flat")),
    ),
}
ALIKE = 0.8  # of a misspelt field; of 97 configs of ours and of mmpretrain no other name is so close to a field
REGISTRIES = [value for value in vars(registries).values() if isinstance(value, Registry)]


def read_config(file: Path) -> Config:
    """Read a config, which is a program of whoever wrote it. Raise ValueError, with its error in one line."""
    try:
        return Config.fromfile(file)
    except Exception as error:
        reason = plain(f"{type(error).__name__}: {error}")
        raise ValueError(f"{file} is no config: {reason}") from error


def with_names(config: Config) -> Config:
    """Return a config that names its types: those of mmengine's new style are classes, which no file can hold.

    Raises
    ------
    ValueError
        If another value is a class or a function.
    """
    given = {field: config[field] for field in config.to_dict()}  # without what its text imports
    named = _named(given, config.get("default_scope"))
    if named == given:
        return config
    return Config(named, cfg_text=config.text, filename=config.filename)


def _named(value: Any, scope: str | None, place: str = "") -> Any:
    if isinstance(value, dict):
        dot = f"{place}." if place else ""
        return {key: _named(inner, scope, f"{dot}{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_named(v, scope, f"{place}.{n}") for n, v in enumerate(value))
    if not isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return value
    if place.rpartition(".")[2] != "type":
        raise ValueError(f"{place} is {value!r}: only a `type` may be a class or a function")
    for registry in REGISTRIES:
        for part in filter(None, (registry, registry.children.get(scope))):
            for name, registered in part.module_dict.items():
                if registered is value:
                    return name
    return f"{value.__module__}.{value.__qualname__}"  # which mmengine imports


def dict_at(config: Config, place: str, subject: str, remedy: str) -> Mapping:
    """Return the dict at a dotted place. Raise ValueError, from `subject` to `remedy`, if none is there."""
    part: Any = config
    for word in place.split("."):
        part = part.get(word)
        if not isinstance(part, Mapping):
            raise ValueError(f"{subject}: {place} is {part!r}, must be a dict. {remedy}")
    return part


def add_hooks(config: Config, needed: Iterable[str]) -> None:
    """Put the hooks that are missing before a config's own: mmengine replaces the list of a base."""
    hooks = list(config.get("custom_hooks") or [])
    present = {hook.get("type") for hook in hooks if isinstance(hook, Mapping)}
    config.custom_hooks = [*(dict(type=kind) for kind in needed if kind not in present), *hooks]


def check_names(config: Config, name: str, own: Iterable[str] = ()) -> None:
    """Check that no name of a config is one that nobody reads.

    Parameters
    ----------
    config : Config
        With an `optim_wrapper`.
    name : str
        Of the config, for messages.
    own : iterable of str
        Fields that are read beside those of a runner.

    Raises
    ------
    ValueError
        If a name that the text sets and does not use is close to a field, or a part whose other names mmengine passes
        over has such a name.
    """
    known = [*FIELDS, *own]
    for field in [field for field in config if field not in known]:
        close = difflib.get_close_matches(field, known, 1, ALIKE)
        if close and len(re.findall(rf"\b{re.escape(field)}\b", config.text or "")) < 2:
            raise ValueError(
                f"{name}: nothing reads {field}, which its text sets: did you mean {close[0]}?"
            )
    parts = {"env_cfg": config.get("env_cfg")}
    if config.optim_wrapper.get("constructor") in (None, "DefaultOptimWrapperConstructor"):
        parts["optim_wrapper.paramwise_cfg"] = config.optim_wrapper.get("paramwise_cfg")
    for place, part in parts.items():
        for word in part if isinstance(part, Mapping) else ():
            if word not in NAMES[place]:
                raise ValueError(f"{name}: {unknown_name(f'field of {place}', word, NAMES[place])}")
