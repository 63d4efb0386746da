"""Encoders that are the user's own code: a module, or a function in a file that returns one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lvmmed_backbones.evaluation.encoders.encoder import (
    Encoder,
    Transform,
    checksum,
    frozen,
    resize_of_timm,
)
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.plugins import load


def of_file(name: str, transform: Transform | None, size: int | None) -> Encoder:
    """What a function of a file makes, by FILE.py:FUNCTION: a module, or a pair of it and its transform.

    Raises
    ------
    FileNotFoundError, Refused
        If there is no such file, or no such function in it.
    ValueError
        If the function returns something else.
    """
    made = function_of(name)()
    module, own = made if isinstance(made, tuple) else (made, None)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{name}() returned {type(module).__name__}: return a torch module, or a pair of it and its transform"
        )
    return of_module(Path(name).name.replace(".py:", ":"), module, transform or own, size)


def function_of(name: str) -> Callable[..., Any]:
    """The function that FILE.py:FUNCTION names. The file is code of the user's, and runs as such."""
    path, _, function = name.rpartition(":")
    (module,) = load([path])
    if not callable(found := getattr(module, function, None)):
        raise Refused(path, f"has no function {function!r}", "Name one that it has")
    return found


def of_module(
    name: str, module: nn.Module, transform: Transform | None, size: int | None
) -> Encoder:
    """A module, frozen. Raises ValueError if nothing says how to normalise its images."""
    config: Any = getattr(module, "pretrained_cfg", None)  # of a model of timm
    if transform is None and not isinstance(config, Mapping):
        raise ValueError(
            f"{name}: nothing tells how to normalise its images. Give transform=..., from an image (H, W, 3) uint8 to "
            "a tensor (3, h, w), such as lvmmed_backbones.evaluation.Resize(224)"
        )
    return Encoder(
        name=name,
        module=frozen(module),
        transform=transform or resize_of_timm(config, size),
        architecture=type(module).__name__,
        weights=checksum(module),
    )
