"""The architectures: `Backbone`, one module for every model of timm, and the classes that users register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.models.backbone import Backbone

__all__ = ["Backbone", "from_config", "register"]

Class = TypeVar("Class", bound=type[Backbone])

CLASSES: dict[str, type[Backbone]] = {}  # by the `type` of a config
_listeners: list[Callable[[type[Backbone]], object]] = []


def register(backbone: Class) -> Class:
    """Let configs name a class by its own name; to be used as a decorator.

    Parameters
    ----------
    backbone : subclass of Backbone
    """
    CLASSES[backbone.__name__] = backbone
    for listener in _listeners:
        listener(backbone)
    return backbone


def follow(listener: Callable[[type[Backbone]], object]) -> None:
    """Call a function with every registered class, now and whenever a class is registered."""
    _listeners.append(listener)
    for backbone in CLASSES.values():
        listener(backbone)


def class_named(name: str) -> type[Backbone]:
    """Return a registered class. Raise ValueError if none has this name."""
    if name not in CLASSES:
        raise ValueError(
            f"{unknown_name('registered class', name, sorted(CLASSES))}. A class of your own is registered by "
            "@lvmmed_backbones.register"
        )
    return CLASSES[name]


def from_config(config: Mapping[str, Any]) -> Backbone:
    """Build a backbone of a registered `type` and its arguments, with random weights.

    Its `init_weights()` loads the weights that the config names.

    Raises
    ------
    ValueError, TypeError
        If there is no such type, or the arguments build no backbone.
    """
    arguments = dict(config)
    return class_named(arguments.pop("type"))(**arguments)


register(Backbone)
