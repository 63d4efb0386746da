"""The architectures: one module, `Backbone`, for every model of timm, and classes of one's own beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lvmmed_backbones.models.backbone import Backbone

__all__ = ["Backbone", "from_config", "register"]

Class = TypeVar("Class", bound=type[Backbone])

CLASSES: dict[str, type[Backbone]] = {}  # by the `type` of a config
_followers: list[Callable[[type[Backbone]], object]] = []


def register(backbone: Class) -> Class:
    """Let configs name a class, by its own name. To be used as a decorator.

    Parameters
    ----------
    backbone : subclass of Backbone
    """
    CLASSES[backbone.__name__] = backbone
    for tell in _followers:
        tell(backbone)
    return backbone


def follow(tell: Callable[[type[Backbone]], object]) -> None:
    """Have a function told of every registered class, those that there are and those to come."""
    _followers.append(tell)
    for backbone in CLASSES.values():
        tell(backbone)


def from_config(config: Mapping[str, Any]) -> Backbone:
    """A backbone with random weights, of a registered `type` and its arguments.

    `init_weights()` then loads those that the config names.

    Raises
    ------
    KeyError
        If there is no such type.
    ValueError, TypeError
        If it cannot be built with these arguments.
    """
    arguments = dict(config)
    return CLASSES[arguments.pop("type")](**arguments)


register(Backbone)
